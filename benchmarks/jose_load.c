/* A load of signed documents over mutual TLS: one connection a device, each sends its next request when the answer to
 * the last one is there, or at its turn where a rate is given. Compiled when a benchmark runs; needs OpenSSL and epoll.
 *
 *   jose_load PORT FOLDER DEVICES WARM_UP_SECONDS SECONDS RATE
 *
 * FOLDER/N.pem is certificate and key of device N, FOLDER/N.requests its HTTP requests: u32 length (little endian) and
 * bytes, one after the other. RATE is requests a second of all devices together, 0 as fast as answers come. Answers
 * that do not begin with 201 are counted as refused. Prints a line of JSON, and writes FOLDER/waits: u32 microseconds
 * of each answer that counts, from the moment when the request was due.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 16384

typedef struct {
    SSL *tls;
    int handle, waiting, done;
    const uint8_t *next, *end, *request;
    uint32_t length, sent;
    double due;
    char buffer[BUFFER];
    uint32_t got;
} Device;

static double counts_from, ends_at, step;
static uint32_t *waits;
static size_t booked, answered, kept, refused;
static char first_refused[400];

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static void stop(const char *what) {
    fprintf(stderr, "jose_load: %s\n", what);
    exit(1);
}

static void take_next(Device *device) {
    if (device->next + 4 > device->end) { device->done = 1; return; }
    memcpy(&device->length, device->next, 4);
    device->request = device->next + 4;
    device->next = device->request + device->length;
    device->sent = 0;
    device->waiting = 1;
}

static void push(Device *device) {
    while (device->waiting && device->sent < device->length) {
        int n = SSL_write(device->tls, device->request + device->sent, device->length - device->sent);
        if (n <= 0) {
            int why = SSL_get_error(device->tls, n);
            if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return;
            stop("a connection was lost while a request was sent");
        }
        device->sent += n;
    }
}

static void count(Device *device, double at) {
    if (strncmp(device->buffer, "HTTP/1.1 201", 12) != 0) {
        if (!refused++) snprintf(first_refused, sizeof first_refused, "%.*s", (int)device->got, device->buffer);
        device->done = 1;  /* what follows would only be out of order */
        return;
    }
    booked++;
    if (at >= counts_from && at < ends_at) {
        waits[kept++] = (uint32_t)((at - device->due) * 1e6);
        answered++;
    }
}

/* Whether a whole answer is there; then the next request may go. */
static int pull(Device *device) {
    for (;;) {
        int n = SSL_read(device->tls, device->buffer + device->got, BUFFER - 1 - device->got);
        if (n <= 0) {
            int why = SSL_get_error(device->tls, n);
            if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
            stop("a connection was lost while an answer came");
        }
        device->got += n;
        device->buffer[device->got] = 0;
        char *body = strstr(device->buffer, "\r\n\r\n");
        if (body == NULL) continue;
        char *length = strcasestr(device->buffer, "\r\ncontent-length:");
        if (length == NULL || length > body) stop("an answer without a length");
        uint32_t wanted = (uint32_t)(body + 4 - device->buffer) + (uint32_t)atoi(length + 17);
        if (wanted >= BUFFER) stop("an answer that is too long");
        if (device->got < wanted) continue;
        count(device, now());
        device->got = 0;
        device->waiting = 0;
        return 1;
    }
}

static void open_device(Device *device, SSL_CTX *context, int port, const char *folder, int number) {
    char path[4096];
    struct stat facts;
    snprintf(path, sizeof path, "%s/%d.requests", folder, number);
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &facts)) stop("no requests");
    device->next = mmap(NULL, facts.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (device->next == MAP_FAILED) stop("requests cannot be read");
    device->end = device->next + facts.st_size;
    close(file);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    device->handle = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    setsockopt(device->handle, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(device->handle, (struct sockaddr *)&to, sizeof to)) stop("nobody listens");
    device->tls = SSL_new(context);
    snprintf(path, sizeof path, "%s/%d.pem", folder, number);
    if (SSL_use_certificate_chain_file(device->tls, path) != 1 || SSL_use_PrivateKey_file(device->tls, path, SSL_FILETYPE_PEM) != 1)
        stop("no certificate");
    SSL_set_fd(device->tls, device->handle);
    if (SSL_connect(device->tls) != 1) stop("no TLS connection");
    fcntl(device->handle, F_SETFL, O_NONBLOCK);
}

int main(int argc, char **argv) {
    if (argc != 7) stop("PORT FOLDER DEVICES WARM_UP_SECONDS SECONDS RATE");
    int port = atoi(argv[1]), devices = atoi(argv[3]);
    double rate = atof(argv[6]);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    Device *all = calloc(devices, sizeof(Device));
    waits = malloc(sizeof(uint32_t) * 20000000);
    int poll = epoll_create1(0);
    for (int i = 0; i < devices; i++) {
        open_device(&all[i], context, port, argv[2], i);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, all[i].handle, &event);
    }
    double start = now();
    counts_from = start + atof(argv[4]);
    ends_at = counts_from + atof(argv[5]);
    step = rate > 0 ? devices / rate : 0;
    for (int i = 0; i < devices; i++) {
        all[i].due = start + (rate > 0 ? step * i / devices : 0);
        if (rate > 0) continue;
        take_next(&all[i]);
        push(&all[i]);
    }
    struct epoll_event events[256];
    size_t ran_out = 0;
    while (now() < ends_at) {
        int found = epoll_wait(poll, events, 256, rate > 0 ? 1 : 50);
        for (int i = 0; i < found; i++) {
            Device *device = events[i].data.ptr;
            if (device->waiting) push(device);
            if (!pull(device) || device->done) continue;
            if (rate > 0) { device->due += step; continue; }
            device->due = now();
            if (device->due < ends_at) { take_next(device); push(device); }
        }
        if (rate <= 0) continue;
        double at = now();
        for (int i = 0; i < devices; i++)
            if (!all[i].waiting && !all[i].done && all[i].due <= at && at < ends_at) { take_next(&all[i]); push(&all[i]); }
    }
    for (int i = 0; i < devices; i++) ran_out += all[i].next + 4 > all[i].end;
    char path[4096];
    snprintf(path, sizeof path, "%s/waits", argv[2]);
    FILE *out = fopen(path, "wb");
    fwrite(waits, sizeof(uint32_t), kept, out);
    fclose(out);
    for (char *c = first_refused; *c; c++) if (*c < ' ' || *c == '"' || *c == '\\') *c = ' ';
    printf("{\"booked\":%zu,\"answered\":%zu,\"refused\":%zu,\"ran_out\":%zu,\"first_refused\":\"%s\"}\n", booked, answered, refused, ran_out, first_refused);
    return 0;
}

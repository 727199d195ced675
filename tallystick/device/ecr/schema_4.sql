-- From format 3: whoever looks at the till asks for these every few seconds, among all documents of its life.
CREATE INDEX document_late ON document (sequence) WHERE is_shown = 0;

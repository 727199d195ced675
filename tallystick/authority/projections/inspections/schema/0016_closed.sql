-- Whether an officer has closed a case about the very thing is asked for everything that a detector sees.
CREATE INDEX case_closed ON inspections.case_file (kind, matter) WHERE state = 'closed';

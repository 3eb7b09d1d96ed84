-- setup.sql
--      Where the measures go, and the two SQL tasks that put them there.

CREATE TABLE license (
    path text PRIMARY KEY,
    lines bigint NOT NULL,
    words bigint NOT NULL,
    bytes bigint NOT NULL,
    cksum bigint NOT NULL
);

-- Keeps what licenses.measure found in one file; run by an executor.
CREATE FUNCTION license_record(measure jsonb) RETURNS text
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO license
    SELECT m.path, m.lines, m.words, m.bytes, m.cksum
    FROM jsonb_populate_record(NULL::license, measure) AS m
    RETURNING path;
END;

-- The totals of all files; run by an executor.
CREATE FUNCTION license_totals() RETURNS jsonb
LANGUAGE sql
BEGIN ATOMIC
    SELECT jsonb_build_object('files', count(*), 'lines', sum(lines),
                              'words', sum(words), 'bytes', sum(bytes))
    FROM license;
END;

SELECT task_register('license_record(jsonb)'::regprocedure),
       task_register('license_totals()'::regprocedure);

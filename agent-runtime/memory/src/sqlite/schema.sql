CREATE TABLE namespace (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE memory (
    namespace INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    -- Milliseconds since 1970; null is for ever.
    expires_at INTEGER,
    PRIMARY KEY (namespace, key)
) WITHOUT ROWID;

CREATE INDEX memory_expires_at ON memory (expires_at) WHERE expires_at IS NOT NULL;

-- Long-term memory, the keys that begin with `note/`, can be searched: a number for each, and its words under that number.
CREATE TABLE note (id INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, key BLOB NOT NULL, UNIQUE (namespace, key));
CREATE VIRTUAL TABLE note_text USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');

CREATE TRIGGER note_put AFTER INSERT ON memory WHEN substr(new.key, 1, 5) = CAST('note/' AS BLOB) BEGIN
    INSERT INTO note (namespace, key) VALUES (new.namespace, new.key);
    INSERT INTO note_text (rowid, text)
        SELECT id, CAST(new.value AS TEXT) FROM note WHERE namespace = new.namespace AND key = new.key;
END;

CREATE TRIGGER note_changed AFTER UPDATE OF value ON memory WHEN substr(new.key, 1, 5) = CAST('note/' AS BLOB) BEGIN
    DELETE FROM note_text WHERE rowid = (SELECT id FROM note WHERE namespace = new.namespace AND key = new.key);
    INSERT INTO note_text (rowid, text)
        SELECT id, CAST(new.value AS TEXT) FROM note WHERE namespace = new.namespace AND key = new.key;
END;

CREATE TRIGGER note_gone AFTER DELETE ON memory WHEN substr(old.key, 1, 5) = CAST('note/' AS BLOB) BEGIN
    DELETE FROM note_text WHERE rowid = (SELECT id FROM note WHERE namespace = old.namespace AND key = old.key);
    DELETE FROM note WHERE namespace = old.namespace AND key = old.key;
END;

PRAGMA user_version = 1;

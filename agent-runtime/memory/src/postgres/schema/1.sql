-- Version 1: entries, and the function that commits.
CREATE SCHEMA IF NOT EXISTS skreaver;

CREATE TABLE skreaver.schema (version integer NOT NULL);
INSERT INTO skreaver.schema VALUES (1);

CREATE TABLE skreaver.entries (
    namespace text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    expires_at timestamptz,
    -- The words of a note, computed by the client: the same ones in every language and locale, and for bytes that are no text.
    words tsvector,
    PRIMARY KEY (namespace, key)
);
CREATE INDEX entries_expiry ON skreaver.entries (namespace, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX entries_words ON skreaver.entries USING gin (words) WHERE words IS NOT NULL;

-- Runs transactions, and gives for each the place of the check that did not hold, or null.
--
-- Two commits that share a key wait for each other: each first takes a lock for every key that it reads or writes, in one
-- order, so that none waits for one that waits for it. A key needs no row for that, so a check for absence is safe too. One
-- that deletes a range, or touches many keys, locks the namespace. Commits without a common key share a flush of the log.
-- Under `read committed` each statement below sees all that was committed before it, and so before the locks were had.
CREATE FUNCTION skreaver.commit(
    space text, may_wait_for_disk boolean, locks text[],
    check_ends integer[], check_keys text[], check_values bytea[],
    op_ends integer[], op_keys text[], op_ranges text[], op_values bytea[], op_milliseconds bigint[], op_words text[]
) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
    space_lock bigint := hashtextextended(space, 0);
    key_lock bigint;
    clock timestamptz;
    first_check integer := 1;
    first_op integer := 1;
    found_value bytea;
    refused integer;
    refusals integer[] := '{}';
BEGIN
    IF NOT may_wait_for_disk THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    ELSIF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    IF locks IS NULL THEN
        PERFORM pg_advisory_xact_lock(space_lock);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(space_lock);
        FOR key_lock IN SELECT DISTINCT hashtextextended(name, space_lock) FROM unnest(locks) AS name ORDER BY 1 LOOP
            PERFORM pg_advisory_xact_lock(key_lock);
        END LOOP;
    END IF;
    clock := clock_timestamp();

    FOR t IN 1 .. cardinality(op_ends) LOOP
        refused := NULL;
        FOR c IN first_check .. check_ends[t] LOOP
            SELECT e.value INTO found_value FROM skreaver.entries AS e
            WHERE e.namespace = space AND e.key = check_keys[c] AND (e.expires_at IS NULL OR e.expires_at > clock);
            -- Null means absent on both sides.
            IF found_value IS DISTINCT FROM check_values[c] THEN
                refused := c - first_check;
                EXIT;
            END IF;
        END LOOP;
        IF refused IS NULL THEN
            FOR o IN first_op .. op_ends[t] LOOP
                IF op_values[o] IS NOT NULL THEN
                    INSERT INTO skreaver.entries AS e (namespace, key, value, expires_at, words)
                    VALUES (
                        space, op_keys[o], op_values[o], clock + op_milliseconds[o] * interval '1 millisecond',
                        array_to_tsvector(string_to_array(op_words[o], ' '))
                    )
                    ON CONFLICT (namespace, key) DO UPDATE
                    SET value = excluded.value, expires_at = excluded.expires_at, words = excluded.words;
                ELSIF op_ranges[o] IS NOT NULL THEN
                    DELETE FROM skreaver.entries AS e
                    WHERE e.namespace = space AND e.key >= op_keys[o] AND e.key < op_ranges[o];
                ELSE
                    DELETE FROM skreaver.entries AS e WHERE e.namespace = space AND e.key = op_keys[o];
                END IF;
            END LOOP;
        END IF;
        refusals := array_append(refusals, refused);
        first_check := check_ends[t] + 1;
        first_op := op_ends[t] + 1;
    END LOOP;

    -- Who makes what will expire clears away some of what has. Rows that somebody else works on are left to the next one.
    IF cardinality(array_remove(op_milliseconds, NULL)) > 0 THEN
        WITH gone AS MATERIALIZED (
            SELECT e.namespace, e.key FROM skreaver.entries AS e
            WHERE e.namespace = space AND e.expires_at <= clock
            ORDER BY e.expires_at LIMIT 64 FOR UPDATE SKIP LOCKED
        )
        DELETE FROM skreaver.entries AS e USING gone WHERE e.namespace = gone.namespace AND e.key = gone.key;
    END IF;
    RETURN refusals;
END
$$;

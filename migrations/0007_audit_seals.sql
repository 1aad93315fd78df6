-- Tamper evidence for the security log. Whoever can write to this database can change or delete its rows, but cannot hide that he did.
--
-- Every row gets, as it is inserted, the id of its transaction and a salted digest of each of its personal fields. A sealer then walks over
-- the rows of finished transactions and writes seals: each is an HMAC, under a key that the database never sees, over the seal before it
-- and the digests of the rows that it covers. Writers never wait for it, and it never misses a row that commits late, because it stays
-- below the oldest transaction that still runs.
--
-- Redaction erases a field together with its salt and leaves the digest: the seal still fits, and without the salt nobody can guess from
-- the digest what stood there.
alter table audit_logs add column txid xid8;
-- Four salts of 8 bytes and four digests of 12: for user_id, ip_address, user_agent and details.
alter table audit_logs add column salts bytea;
alter table audit_logs add column personal_digests bytea;

create index audit_logs_by_txid on audit_logs (txid);

create function audit_logs_field_digest(salts bytea, place integer, value text) returns bytea language sql immutable as $$
    select substr(sha256(substr(salts, place * 8 + 1, 8) || convert_to(coalesce('=' || value, ''), 'UTF8')), 1, 12)
$$;

create function audit_logs_stamp() returns trigger language plpgsql as $$
begin
    new.txid := pg_current_xact_id();
    new.salts := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    new.personal_digests := audit_logs_field_digest(new.salts, 0, new.user_id::text)
        || audit_logs_field_digest(new.salts, 1, host(new.ip_address))
        || audit_logs_field_digest(new.salts, 2, new.user_agent)
        || audit_logs_field_digest(new.salts, 3, new.details::text);
    return new;
end
$$;

create trigger audit_logs_stamp before insert on audit_logs for each row execute function audit_logs_stamp();

create function audit_logs_without_salt(salts bytea, place integer) returns bytea language sql immutable as $$
    select overlay(salts placing '\x0000000000000000'::bytea from place * 8 + 1 for 8)
$$;

create or replace function audit_logs_refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE'
        and (new.id, new.event_type, new.success, new.session_id, new.request_id, new.created_at, new.txid,
             new.salts, new.personal_digests)
            is not distinct from (old.id, old.event_type, old.success, old.session_id, old.request_id, old.created_at, old.txid,
                                  old.salts, old.personal_digests)
        and (new.user_id is null or new.user_id is not distinct from old.user_id)
        and (new.ip_address is null or new.ip_address is not distinct from old.ip_address)
        and (new.user_agent is null or new.user_agent is not distinct from old.user_agent)
        and (new.details = '{}' or new.details = old.details)
    then
        if new.user_id is null then
            new.salts := audit_logs_without_salt(new.salts, 0);
        end if;
        if new.ip_address is null then
            new.salts := audit_logs_without_salt(new.salts, 1);
        end if;
        if new.user_agent is null then
            new.salts := audit_logs_without_salt(new.salts, 2);
        end if;
        if new.details = '{}' then
            new.salts := audit_logs_without_salt(new.salts, 3);
        end if;
        return new;
    end if;
    raise exception 'audit_logs is append-only: only redaction of personal fields is allowed' using errcode = 'restrict_violation';
end
$$;

-- One seal covers the rows of one month that transactions in [from_txid, to_txid) wrote: months leave as a whole when their time is over.
create table audit_seals (
    seq         bigint primary key,
    -- dropped: the month left the log by retention.
    kind        text not null check (kind in ('rows', 'dropped')),
    month       date not null,
    from_txid   xid8 not null,
    to_txid     xid8 not null,
    row_count   bigint not null,
    rows_digest bytea not null,
    seal        bytea not null,
    created_at  timestamptz not null
);

create function audit_seals_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'audit_seals is append-only' using errcode = 'restrict_violation';
end
$$;

create trigger audit_seals_append_only before update or delete on audit_seals
    for each row execute function audit_seals_refuse_change();

create trigger audit_seals_no_truncate before truncate on audit_seals
    for each statement execute function audit_seals_refuse_change();

-- Takes a month out of the log. Detaching first keeps the lock on the whole log short; dropping then touches nobody.
create function audit_logs_drop_month(month date) returns boolean language plpgsql as $$
declare
    name text := format('audit_logs_%s', to_char(date_trunc('month', month::timestamp), 'YYYY_MM'));
begin
    if to_regclass(name) is null then
        return false;
    end if;
    execute format('alter table audit_logs detach partition %I', name);
    execute format('drop table %I', name);
    return true;
end
$$;

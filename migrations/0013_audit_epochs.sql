-- Transaction ids count within one cluster. A dump that is restored elsewhere brings rows and seals whose ids lie far ahead of the new
-- cluster's counter, so that nothing written there would be sealed and the next rows would seem to stand where everything had been sealed.
-- Beside its transaction id every row therefore gets the system identifier of the cluster that wrote it, its epoch, and each seal names
-- the epoch of its rows. A log may span any number of clusters, and come back to one that it had left: each counts on where it stopped.
--
-- The default is a constant, so no row is rewritten: what stands in the log was written by this cluster, and seals of an older instance,
-- which know nothing of epochs while a release rolls out, cover rows of this cluster.
do $$
declare
    here bigint := (select system_identifier from pg_control_system());
begin
    execute format('alter table audit_logs add column epoch bigint not null default %s', here);
    execute format('alter table audit_seals add column epoch bigint not null default %s', here);
end
$$;

-- With the id behind it, the rows of one large transaction can be read in pages. Instances of the release before look for transaction ids
-- alone and read the whole log for them, until they are gone; nobody waits for that.
create index audit_logs_by_epoch on audit_logs (epoch, txid, id);
drop index audit_logs_by_txid;

create or replace function audit_logs_stamp() returns trigger language plpgsql as $$
begin
    new.epoch := (select system_identifier from pg_control_system());
    new.txid := pg_current_xact_id();
    new.salts := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
    new.personal_digests := audit_logs_field_digest(new.salts, 0, new.user_id::text)
        || audit_logs_field_digest(new.salts, 1, host(new.ip_address))
        || audit_logs_field_digest(new.salts, 2, new.user_agent)
        || audit_logs_field_digest(new.salts, 3, new.details::text);
    return new;
end
$$;

create or replace function audit_logs_refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE'
        and (new.id, new.event_type, new.success, new.session_id, new.request_id, new.created_at, new.epoch, new.txid,
             new.salts, new.personal_digests)
            is not distinct from (old.id, old.event_type, old.success, old.session_id, old.request_id, old.created_at, old.epoch, old.txid,
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

-- Whoever changes the partitions of the log needs it to himself. While he waits for a reader, everybody who comes later waits behind him,
-- log-ins included: so he gives up soon, and comes again. The limit belongs to the functions because a pooler may set none.
alter function audit_logs_ensure_partition(date) set lock_timeout = '200ms';
alter function audit_logs_drop_month(date) set lock_timeout = '200ms';

-- A month leaves in two transactions. This is the first: the month is no part of the log any more, and the lock on the log ends with it.
-- (audit_logs_drop_month does both in one, and so keeps that lock until the files are gone.) The new name says that it may be dropped: a
-- month that somebody detached by hand, to keep it, has another one.
create function audit_logs_detach_month(month date) returns boolean language plpgsql set lock_timeout = '200ms' as $$
declare
    name text := format('audit_logs_%s', to_char(date_trunc('month', month::timestamp), 'YYYY_MM'));
begin
    if to_regclass(name) is null then
        return false;
    end if;
    execute format('alter table audit_logs detach partition %I', name);
    execute format('alter table %I rename to %I', name, replace(name, 'audit_logs_', 'audit_logs_dropped_'));
    return true;
end
$$;

-- The second: drops one detached month, which nobody but a reader from before can still see. Tells whether there was one.
create function audit_logs_drop_detached() returns boolean language plpgsql set lock_timeout = '200ms' as $$
declare
    name text := (
        select relname from pg_class
        where relkind = 'r' and not relispartition and relname ~ '^audit_logs_dropped_[0-9]{4}_[0-9]{2}$'
            and relnamespace = (select relnamespace from pg_class where oid = 'audit_logs'::regclass)
        order by relname limit 1
    );
begin
    if name is null then
        return false;
    end if;
    execute format('drop table %I', name);
    return true;
end
$$;

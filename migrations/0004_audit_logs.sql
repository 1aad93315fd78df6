-- The security log. It outlives accounts, so user_id has no foreign key, and it is partitioned by month, so that retention drops a
-- partition instead of deleting rows.
--
-- Rows are append-only. The one change that a trigger lets through is redaction: personal fields may be emptied, nothing may be rewritten.
create table audit_logs (
    id          uuid not null,
    user_id     uuid,
    event_type  text not null,
    details     jsonb not null default '{}',
    ip_address  inet,
    user_agent  text,
    success     boolean not null,
    session_id  uuid,
    request_id  text,
    created_at  timestamptz not null,
    primary key (created_at, id)
) partition by range (created_at);

-- Catches what no month covers, so that a missing partition can never refuse a log-in.
create table audit_logs_default partition of audit_logs default;

create index audit_logs_by_user on audit_logs (user_id, created_at desc, id desc);
create index audit_logs_by_type on audit_logs (event_type, created_at desc);

create function audit_logs_refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE'
        and (new.id, new.event_type, new.success, new.session_id, new.request_id, new.created_at)
            is not distinct from (old.id, old.event_type, old.success, old.session_id, old.request_id, old.created_at)
        and (new.user_id is null or new.user_id is not distinct from old.user_id)
        and (new.ip_address is null or new.ip_address is not distinct from old.ip_address)
        and (new.user_agent is null or new.user_agent is not distinct from old.user_agent)
        and (new.details = '{}' or new.details = old.details)
    then
        return new;
    end if;
    raise exception 'audit_logs is append-only: only redaction of personal fields is allowed' using errcode = 'restrict_violation';
end
$$;

create trigger audit_logs_append_only before update or delete on audit_logs
    for each row execute function audit_logs_refuse_change();

-- Partitions inherit the trigger for rows, but not this one for the statement: each gets its own.
create trigger audit_logs_no_truncate before truncate on audit_logs
    for each statement execute function audit_logs_refuse_change();

create trigger audit_logs_no_truncate before truncate on audit_logs_default
    for each statement execute function audit_logs_refuse_change();

-- Creates the partition of one month, if it is not there. The month is in UTC.
create function audit_logs_ensure_partition(month date) returns boolean language plpgsql as $$
declare
    first timestamptz := date_trunc('month', month::timestamp) at time zone 'UTC';
    next  timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') at time zone 'UTC';
    name  text := format('audit_logs_%s', to_char(date_trunc('month', month::timestamp), 'YYYY_MM'));
begin
    if to_regclass(name) is not null then
        return false;
    end if;
    -- Two replicas may find the month missing at the same moment.
    perform pg_advisory_xact_lock(hashtext('audit_logs_ensure_partition'));
    if to_regclass(name) is not null then
        return false;
    end if;
    execute format('create table %I partition of audit_logs for values from (%L) to (%L)', name, first, next);
    execute format(
        'create trigger audit_logs_no_truncate before truncate on %I for each statement execute function audit_logs_refuse_change()',
        name);
    return true;
end
$$;

-- Two replicas that prepare the same month at the same moment: the one that waited for the other could still be looking at a catalogue
-- from before, and fail on the partition that it did not see. Failing that way means that the partition is there.
create or replace function audit_logs_ensure_partition(month date) returns boolean language plpgsql as $$
declare
    first timestamptz := date_trunc('month', month::timestamp) at time zone 'UTC';
    next  timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') at time zone 'UTC';
    name  text := format('audit_logs_%s', to_char(date_trunc('month', month::timestamp), 'YYYY_MM'));
begin
    if to_regclass(name) is not null then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtext('audit_logs_ensure_partition'));
    execute format('create table %I partition of audit_logs for values from (%L) to (%L)', name, first, next);
    execute format(
        'create trigger audit_logs_no_truncate before truncate on %I for each statement execute function audit_logs_refuse_change()',
        name);
    return true;
exception
    when duplicate_table then
        return false;
end
$$;

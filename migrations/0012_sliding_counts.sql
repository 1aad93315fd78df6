-- Attempts at passwords are counted in whatever window ends now, and no longer in windows that begin with an attempt: of those, one could
-- be filled at its end and the next at its beginning, which is twice the limit within a moment. So each counter keeps the times of the
-- attempts that its window still sees, never more of them than its limit, which is a hundred at most.
alter table login_attempts add column attempts timestamptz[] not null default '{}';

-- What is counted now has no times. It stays counted for as long as before, or everybody would start from nothing.
update login_attempts
    set attempts = array_fill(
        window_ends - case scope when 'account' then interval '1 hour' else interval '15 minutes' end,
        array[failures]
    )
    where failures > 0 and window_ends > now();

-- All known devices of an account share one budget besides their own: each log-in makes another device.
alter table login_attempts drop constraint login_attempts_scope_check;
alter table login_attempts add constraint login_attempts_scope_check
    check (scope in ('account_network', 'account', 'device', 'account_devices', 'network'));

-- Failed attempts to prove a password, and the devices that proved one before: so that guessing has a price, and strangers cannot make the
-- owner pay it.
--
-- One row counts the attempts of one key: an account from one network, an account from anywhere, or one known device of an account. An
-- attempt is counted before its password is looked at, in a statement that commits by itself, and taken back when the password was right:
-- so parallel attempts cannot share a count, and no failed request takes its own count back.
--
-- Keys and accounts stand as HMACs: this table tells nobody who has an account here.
create table login_attempts (
    key         bytea primary key,
    scope       text not null check (scope in ('account_network', 'account', 'device', 'network')),
    account     bytea,
    network     inet,
    failures    integer not null,
    -- When it starts from nothing again. Once the limit is reached, until then nothing passes.
    window_ends timestamptz not null,
    -- How often the limit was reached of late: each time the wait doubles.
    strikes     integer not null,
    -- When the owner of the account was last told.
    told_at     timestamptz
);

create index login_attempts_by_account on login_attempts (account);
create index login_attempts_by_network on login_attempts (network);
create index login_attempts_ended on login_attempts (window_ends);

-- A mark that a device keeps after a log-in. It has a budget of attempts of its own, so that strangers who guess cannot lock it out.
create table devices (
    id           uuid primary key,
    user_id      uuid not null references users (id) on delete cascade,
    created_at   timestamptz not null,
    last_used_at timestamptz not null,
    revoked_at   timestamptz
);

create index devices_by_user on devices (user_id);
create index devices_unused on devices (last_used_at);

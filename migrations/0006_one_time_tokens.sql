-- Links in mails. Each is an HMAC of the id of its mail job; these tables hold its SHA-256 only, so that nobody who reads them can follow
-- it. `id` is the id of the mail job. Issuing a newer one ends the older ones.

-- The table that existing tools read has a form of its own.
create table password_reset_tokens (
    id         uuid primary key,
    user_id    uuid not null references users (id) on delete cascade,
    token_hash bytea not null,
    expires_at timestamptz not null,
    is_used    boolean not null default false,
    ip_address inet,
    user_agent text,
    created_at timestamptz not null,
    constraint password_reset_tokens_token_hash_unique unique (token_hash)
);

create index password_reset_tokens_by_user on password_reset_tokens (user_id);
create index password_reset_tokens_expired on password_reset_tokens (expires_at);

-- Sign-ups that wait for the mailed page (REGISTRATION=confirm). There may be several for one address: whoever holds the mailbox decides
-- which of them becomes an account, by following its link and repeating its password.
create table pending_registrations (
    id            uuid primary key,
    email         text not null,
    email_key     text not null,
    password_hash text not null,
    first_name    text not null,
    last_name     text not null,
    ip_address    inet,
    device_info   text not null,
    created_at    timestamptz not null,
    expires_at    timestamptz not null
);

create index pending_registrations_by_email_key on pending_registrations (email_key);
create index pending_registrations_expired on pending_registrations (expires_at);

-- New addresses that wait for their confirmation, and old ones that can still take it back. Until `undo_until` the old address stays
-- reserved for its owner.
create table email_changes (
    id            uuid primary key,
    user_id       uuid not null references users (id) on delete cascade,
    old_email     text not null,
    old_email_key text not null,
    -- Taking it back gives the old address back as it was: the click of somebody who never signed up must not prove it.
    old_email_verified boolean not null,
    new_email     text not null,
    new_email_key text not null,
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    undo_until    timestamptz not null,
    confirmed_at  timestamptz,
    -- Taken back by the old address, replaced by a newer change, or overtaken by a password reset.
    cancelled_at  timestamptz
);

create index email_changes_by_user on email_changes (user_id);
create index email_changes_by_old_key on email_changes (old_email_key) where confirmed_at is not null and cancelled_at is null;
create index email_changes_ended on email_changes (undo_until);

-- All other links.
create table email_tokens (
    id         uuid primary key,
    purpose    text not null check (purpose in ('verify', 'sign_up', 'confirm_change', 'undo_change', 'end_session')),
    -- Null for a sign-up, which has no user yet.
    user_id    uuid references users (id) on delete cascade,
    -- The pending registration, e-mail change or session.
    subject_id uuid,
    token_hash bytea not null,
    expires_at timestamptz not null,
    used_at    timestamptz,
    created_at timestamptz not null,
    constraint email_tokens_token_hash_unique unique (token_hash)
);

create index email_tokens_by_user on email_tokens (user_id, purpose);
create index email_tokens_by_subject on email_tokens (subject_id);
create index email_tokens_expired on email_tokens (expires_at);

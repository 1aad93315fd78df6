-- A session is one log-in on one device, and the family of all refresh tokens that descend from it. Ending the session ends the family:
-- every access token names its session, and every request with one looks at this row.
create table sessions (
    id            uuid primary key,
    user_id       uuid not null references users (id) on delete cascade,
    device_info   text not null,
    user_agent    text not null,
    ip_address    inet,
    remember_me   boolean not null,
    created_at    timestamptz not null,
    last_used_at  timestamptz not null,
    expires_at    timestamptz not null,
    revoked_at    timestamptz,
    revoke_reason text,
    constraint sessions_revoked_with_reason check ((revoked_at is null) = (revoke_reason is null))
);

create index sessions_live_by_user on sessions (user_id) where revoked_at is null;

-- Refresh tokens rotate on every use (RFC 9700 §4.14.2). `rotated_at` is the compare-and-set flag: the one update that finds it null
-- rotates. For a short grace the rotated parent keeps its successor, sealed under a key derived from the parent itself, so that a client
-- whose reply got lost can ask again and nobody who reads this table can.
create table refresh_tokens (
    id               uuid primary key,
    user_id          uuid not null references users (id) on delete cascade,
    session_id       uuid not null references sessions (id) on delete cascade,
    parent_id        uuid,
    token_hash       bytea not null,
    device_info      text not null,
    expires_at       timestamptz not null,
    is_revoked       boolean not null default false,
    rotated_at       timestamptz,
    sealed_successor bytea,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    constraint refresh_tokens_token_hash_unique unique (token_hash)
);

create index refresh_tokens_by_session on refresh_tokens (session_id);
create index refresh_tokens_by_user on refresh_tokens (user_id);
-- What the sweeper of ended grace windows looks for: a handful of rows at any time.
create index refresh_tokens_sealed on refresh_tokens (rotated_at) where sealed_successor is not null;

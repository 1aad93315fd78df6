-- Accounts. Rows are never deleted while they are referenced: a deletion first sets deleted_at, and later erases the personal fields.
--
-- `email` is what its owner typed and where mail goes. `email_key` is the same address folded (NFKC, case, IDNA), so that two spellings
-- that people and mail servers take for one address cannot become two accounts. It stays unique until the account is erased, when it
-- becomes null and the address is free again.
create table users (
    id                uuid primary key,
    email             text not null,
    email_key         text,
    password_hash     text not null,
    first_name        text not null,
    last_name         text not null,
    is_email_verified boolean not null default false,
    is_active         boolean not null default true,
    last_login_at     timestamptz,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    deleted_at        timestamptz,
    constraint users_email_key_unique unique (email_key)
);

-- The operator's listing pages by age.
create index users_created_at_id on users (created_at, id);

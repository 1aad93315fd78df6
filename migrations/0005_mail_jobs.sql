-- Mail that is to be sent. A row is written in the transaction of its cause, so that no cause goes without its mail and no mail without its
-- cause; a worker sends it afterwards, and every instance has one.
--
-- A row says what kind of mail and whom and what it is about, never what it says: the text is rendered when it is sent, and the link in it
-- is derived from the row's id under a key outside the database, so that a second attempt sends the same link.
--
-- Somebody who asks for a mail by typing an address (`email_key`) gets a row whether or not an account has it: the worker looks, and the
-- request that asked cannot be told apart by its answer or by the time it took.
create table mail_jobs (
    id          uuid primary key,
    kind        text not null,
    user_id     uuid references users (id) on delete cascade,
    email_key   text,
    -- The row that it is about: a pending registration, an e-mail change, a session.
    subject_id  uuid,
    language    text not null,
    -- Whence the cause came, for mails that tell their reader.
    ip_address  inet,
    device_info text not null,
    created_at  timestamptz not null,
    -- When it is to be tried next.
    due_at      timestamptz not null,
    -- Whoever works on it has until then; later, another may take it over.
    locked_until timestamptz,
    attempts    integer not null default 0,
    finished_at timestamptz,
    -- dropped: there was nobody to write to, or a newer mail took its place.
    outcome     text check (outcome in ('sent', 'dropped', 'failed')),
    -- The class of the last failure, never the server's text.
    last_error  text,
    constraint mail_jobs_finished_with_outcome check ((finished_at is null) = (outcome is null))
);

create index mail_jobs_due on mail_jobs (due_at) where finished_at is null;
create index mail_jobs_finished on mail_jobs (finished_at) where finished_at is not null;
create index mail_jobs_by_user on mail_jobs (user_id);

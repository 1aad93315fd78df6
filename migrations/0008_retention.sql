-- What it takes to find whatever has outlived its purpose. Sweepers look every minute, so each look must be a short walk along an index
-- and never a scan of the table.

-- Sessions stay for a while after their end: a log-in from a device that was seen before is no news to its owner. LEAST passes over nulls.
create index sessions_ended on sessions (least(revoked_at, expires_at));
-- Whether a device was seen before, and the cascade of an account: ended sessions count, which the index of live ones leaves out.
create index sessions_by_user_device on sessions (user_id, device_info);

create index refresh_tokens_expired on refresh_tokens (expires_at);

-- Deleted accounts that still hold personal data: their address goes last, so that an interrupted erasure is found again.
create index users_to_erase on users (deleted_at) where deleted_at is not null and email_key is not null;

-- Mails that somebody asked for by typing the address of an account name its key alone, and leave with the account as well.
create index mail_jobs_by_email_key on mail_jobs (email_key) where email_key is not null;

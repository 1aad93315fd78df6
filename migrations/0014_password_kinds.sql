-- What a verification costs is in what stands before salt and digest of a stored hash, which in a bcrypt hash are one. Every instance asks at
-- its start, and again and again, which kinds there are: with this index that is a step for each kind, and not a look at every account.
create index users_password_kind on users (
    (coalesce(substring(password_hash from '^(?:bcrypt\$)?\$2.\$..\$'), substring(password_hash from '^(.*)\$[^$]*\$[^$]*$')))
);

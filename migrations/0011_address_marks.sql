-- Somebody who asks for a mail, or signs up, by typing an address leaves an event that names no account: nobody looks whether the address has
-- one. Such an event carries a mark of the address, an HMAC under a key that the database never sees, in its details. When an account is
-- erased, its events of this kind are found by that mark, and redaction takes the mark along with the rest.
create index audit_logs_by_address_mark on audit_logs ((details ->> 'address_mark'))
    where user_id is null and details ->> 'address_mark' is not null;

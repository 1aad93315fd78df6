-- The keys that sign access tokens.
--
-- They live in the database so that every instance signs with the same key and accepts what any other signed. The private half is
-- sealed under a key that the database never sees (KEY_ENCRYPTION_KEY): a stolen backup signs nothing.
--
-- A key has four moments. From created_at on it is published, but it signs only from activates_at on: by then every verifier that
-- caches the published set has seen it. When a newer key takes over, retires_at says until when the last token it signed can live; up
-- to then it verifies. retired_at is when it left for good, on schedule or by order of the operator, and its private half goes with it.
--
-- The newest active key signs. Rows stay: the audit log may name a kid years later.

create table signing_keys (
    -- RFC 7638 thumbprint of the public key: the same key can have no second name.
    kid text primary key,
    -- The `alg` of RFC 7518 and RFC 8037.
    algorithm text not null check (algorithm in ('EdDSA', 'ES256', 'RS256')),
    -- For people and tools. The service itself derives the public half from the sealed private one: writing here forges no token.
    public_jwk jsonb not null,
    private_key_sealed bytea,
    created_at timestamptz not null,
    activates_at timestamptz not null,
    retires_at timestamptz,
    retired_at timestamptz,
    constraint signing_keys_private_half_goes_with_retirement check ((private_key_sealed is null) = (retired_at is not null))
);

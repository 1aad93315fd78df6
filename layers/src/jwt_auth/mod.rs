//! jwt_auth

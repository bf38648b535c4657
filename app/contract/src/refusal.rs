//! Every "no" the system can say: one code, one status, one sentence that tells what to do next.
//!
//! Pages match on it, REST and the gateway render it as a problem document (RFC 9457), and `/docs/errors/{code}` is
//! written from it. A new refusal does not compile until it has a code, a status, a title, a sentence and a page.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::FieldProblem;
use crate::keys::LABEL_MAX;
use crate::limits::{Limit, LimitLevel, Period, Quota};

/// A "no".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// One or more fields of a form.
    InvalidInput {
        /// Which, and why.
        fields: Vec<FieldProblem>,
    },
    /// Wrong address or password, or no such account: never said which.
    SignInFailed,
    /// The address was not verified yet; said only after the right password.
    EmailNotVerified,
    /// The page needs a signed-in person.
    NotSignedIn,
    /// The person's role does not allow it.
    NotAllowed,
    /// No such thing, or someone else's.
    NotFound,
    /// The link is not one of ours, or was cut.
    LinkUnknown,
    /// The link is too old.
    LinkExpired,
    /// The link was used.
    LinkUsed,
    /// The action needs a fresh authentication.
    StepUpRequired {
        /// Whether it has to be with a passkey.
        passkey: bool,
    },
    /// Too many tries from one place or for one account.
    TooManyTries {
        /// When to try again, in seconds.
        retry_after_s: u32,
    },
    /// The form needs a proof of work first.
    ProofRequired,
    /// The passkey was not accepted: never said why.
    PasskeyRefused,
    /// Where the portal is reached by a bare address, there are no passkeys.
    PasskeysUnavailable,
    /// The question that a passkey answers was too old, or answered before.
    CeremonyExpired,
    /// The operator's desk opens with a passkey only.
    PasskeyRequired,
    /// Without it there would be no way to sign in any more.
    LastWayIn,
    /// An organization would be left without an owner.
    LastOwner,
    /// The organization that an account started with stays with its person.
    PersonalOrganization,
    /// No such recovery code, or it was used.
    RecoveryCodeWrong,
    /// The invitation was sent to another address.
    InviteForAnother,
    /// The person belongs to the organization already.
    AlreadyMember,
    /// The account may read, and not change.
    AccountRestricted {
        /// What the operator gave as the reason.
        reason: String,
    },
    /// The account may do nothing.
    AccountSuspended {
        /// What the operator gave as the reason.
        reason: String,
    },
    /// The state an account is in does not lead to the wanted one.
    StateConflict,
    /// A recovery is under way already.
    RecoveryUnderWay,
    /// There are as many of these as there may be.
    TooMany {
        /// How many there may be.
        max: u32,
    },
    /// The key was revoked, so nothing can be revealed.
    KeyIsRevoked,
    /// The key is in use, so its secret cannot be made anew.
    KeyInUse,
    /// The key is protected from being revoked while it is in use.
    KeyIsProtected,
    /// The key's secret is being replaced already.
    RotationUnderWay,
    /// The form came from another site.
    CrossSite,
    /// The address exists, but not for this method.
    MethodNotAllowed,
    /// The request body is larger than any form of ours.
    TooLarge,
    /// A live-log filter that cannot be read.
    FilterUnreadable {
        /// The part that was not understood.
        part: String,
    },
    /// Gateway: no key was presented.
    MissingKey,
    /// Gateway: more than one key was presented.
    SeveralKeys,
    /// Gateway: the key stood in the URL.
    KeyInUrl,
    /// Gateway: the key's form or checksum is wrong.
    MalformedKey,
    /// Gateway: no such key.
    UnknownKey,
    /// Gateway: the key was revoked.
    RevokedKey,
    /// Gateway: the key rests while its owner's account is restricted.
    PausedKey,
    /// Gateway: the key's time is over.
    ExpiredKey,
    /// Gateway: the API does not take keys of this environment.
    EnvironmentClosed,
    /// Gateway: a browser sent it from a site that the API does not name.
    OriginNotAllowed,
    /// Gateway: the key is bound to other network addresses.
    AddressNotAllowed,
    /// Gateway: the organization has no plan for this API.
    NotSubscribed,
    /// Gateway: the key lacks a scope that the operation needs.
    MissingScope {
        /// Which.
        scope: String,
    },
    /// Gateway: too many requests in a short time.
    RateLimited {
        /// Whose limit it is.
        level: LimitLevel,
        /// The limit.
        limit: Limit,
        /// When to try again, in seconds.
        retry_after_s: u32,
    },
    /// Gateway: the period's quota is used up.
    QuotaExceeded {
        /// The quota.
        quota: Quota,
        /// When the next period begins, in seconds.
        retry_after_s: u32,
    },
    /// Gateway: no API under that name.
    UnknownApi,
    /// Gateway: the URL's path has a form that upstreams read differently.
    AmbiguousPath,
    /// Gateway: `POST /verify` was called without the service token, or with a wrong one.
    ServiceTokenRefused,
    /// Gateway: the request could not be written down, and this API wants every request written down.
    LogUnavailable,
    /// Gateway: the upstream failed again and again, so it is left alone for a moment.
    UpstreamPaused {
        /// When it is tried again, in seconds.
        retry_after_s: u32,
    },
    /// Gateway: the upstream could not be reached, or broke off before it answered.
    UpstreamDown,
    /// Gateway: the upstream did not answer in time.
    UpstreamTimeout {
        /// How long the gateway waited, in seconds.
        waited_s: u32,
    },
    /// The secret of this key was not kept, so nobody can show it again.
    KeyNotRecoverable,
    /// The REST API got no access token that it knows.
    InvalidToken,
    /// The access token lacks a scope.
    TokenScope {
        /// The scope that is missing.
        scope: String,
    },
    /// An `Idempotency-Key` came again with another request.
    IdempotencyKeyReused,
    /// The request that this one repeats is not done yet.
    RequestUnderWay,
    /// The body is not JSON, by its own account.
    UnsupportedMediaType,
    /// The body is not JSON of the shape that was promised.
    BodyUnreadable,
    /// The signature of a report is missing, unknown or wrong.
    SignatureInvalid,
    /// No `Host`, or several.
    HostUnclear,
    /// As many upgraded connections are open as may be.
    TooManyConnections,
    /// The upstream's name leads to an address that the gateway may not reach.
    UpstreamForbidden,
    /// The share of the quota that this process holds is used up, and the database is away.
    QuotaUnavailable,
}

impl Refusal {
    /// One of each, for the catalogue.
    #[must_use]
    pub fn catalogue() -> Vec<Self> {
        vec![
            Self::InvalidInput { fields: Vec::new() },
            Self::SignInFailed,
            Self::EmailNotVerified,
            Self::NotSignedIn,
            Self::NotAllowed,
            Self::NotFound,
            Self::LinkUnknown,
            Self::LinkExpired,
            Self::LinkUsed,
            Self::StepUpRequired { passkey: true },
            Self::TooManyTries { retry_after_s: 30 },
            Self::ProofRequired,
            Self::PasskeyRefused,
            Self::PasskeysUnavailable,
            Self::CeremonyExpired,
            Self::PasskeyRequired,
            Self::LastWayIn,
            Self::LastOwner,
            Self::PersonalOrganization,
            Self::RecoveryCodeWrong,
            Self::InviteForAnother,
            Self::AlreadyMember,
            Self::AccountRestricted { reason: "keys were found in public code".to_owned() },
            Self::AccountSuspended { reason: "keys were found in public code".to_owned() },
            Self::StateConflict,
            Self::RecoveryUnderWay,
            Self::TooMany { max: 20 },
            Self::KeyIsRevoked,
            Self::KeyInUse,
            Self::KeyIsProtected,
            Self::RotationUnderWay,
            Self::CrossSite,
            Self::MethodNotAllowed,
            Self::TooLarge,
            Self::FilterUnreadable { part: "status:ok".to_owned() },
            Self::MissingKey,
            Self::SeveralKeys,
            Self::KeyInUrl,
            Self::MalformedKey,
            Self::UnknownKey,
            Self::RevokedKey,
            Self::PausedKey,
            Self::ExpiredKey,
            Self::EnvironmentClosed,
            Self::OriginNotAllowed,
            Self::AddressNotAllowed,
            Self::NotSubscribed,
            Self::MissingScope { scope: "places:read".to_owned() },
            Self::RateLimited { level: LimitLevel::Plan, limit: Limit { requests: 60, seconds: 60 }, retry_after_s: 2 },
            Self::QuotaExceeded { quota: Quota { units: 10_000, period: Period::Month }, retry_after_s: 86_400 },
            Self::UnknownApi,
            Self::AmbiguousPath,
            Self::ServiceTokenRefused,
            Self::LogUnavailable,
            Self::UpstreamPaused { retry_after_s: 5 },
            Self::UpstreamDown,
            Self::UpstreamTimeout { waited_s: 30 },
            Self::KeyNotRecoverable,
            Self::InvalidToken,
            Self::TokenScope { scope: "keys:write".to_owned() },
            Self::IdempotencyKeyReused,
            Self::RequestUnderWay,
            Self::UnsupportedMediaType,
            Self::BodyUnreadable,
            Self::SignatureInvalid,
            Self::HostUnclear,
            Self::TooManyConnections,
            Self::UpstreamForbidden,
            Self::QuotaUnavailable,
        ]
    }

    /// The one with this code, as the catalogue shows it.
    #[must_use]
    pub fn by_code(code: &str) -> Option<Self> {
        Self::catalogue().into_iter().find(|refusal| refusal.code() == code)
    }

    /// The stable word programs match on.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidInput { .. } => "invalid_input",
            Self::SignInFailed => "sign_in_failed",
            Self::EmailNotVerified => "email_not_verified",
            Self::NotSignedIn => "not_signed_in",
            Self::NotAllowed => "not_allowed",
            Self::NotFound => "not_found",
            Self::LinkUnknown => "link_unknown",
            Self::LinkExpired => "link_expired",
            Self::LinkUsed => "link_used",
            Self::StepUpRequired { .. } => "step_up_required",
            Self::TooManyTries { .. } => "too_many_tries",
            Self::ProofRequired => "proof_required",
            Self::PasskeyRefused => "passkey_refused",
            Self::PasskeysUnavailable => "passkeys_unavailable",
            Self::CeremonyExpired => "ceremony_expired",
            Self::PasskeyRequired => "passkey_required",
            Self::LastWayIn => "last_way_in",
            Self::LastOwner => "last_owner",
            Self::PersonalOrganization => "personal_organization",
            Self::RecoveryCodeWrong => "recovery_code_wrong",
            Self::InviteForAnother => "invite_for_another",
            Self::AlreadyMember => "already_member",
            Self::AccountRestricted { .. } => "account_restricted",
            Self::AccountSuspended { .. } => "account_suspended",
            Self::StateConflict => "state_conflict",
            Self::RecoveryUnderWay => "recovery_under_way",
            Self::TooMany { .. } => "too_many",
            Self::KeyIsRevoked => "key_is_revoked",
            Self::KeyInUse => "key_in_use",
            Self::KeyIsProtected => "key_is_protected",
            Self::RotationUnderWay => "rotation_under_way",
            Self::CrossSite => "cross_site",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooLarge => "too_large",
            Self::FilterUnreadable { .. } => "filter_unreadable",
            Self::MissingKey => "missing_key",
            Self::SeveralKeys => "several_keys",
            Self::KeyInUrl => "key_in_url",
            Self::MalformedKey => "malformed_key",
            Self::UnknownKey => "unknown_key",
            Self::RevokedKey => "revoked_key",
            Self::PausedKey => "paused_key",
            Self::ExpiredKey => "expired_key",
            Self::EnvironmentClosed => "environment_closed",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::NotSubscribed => "not_subscribed",
            Self::MissingScope { .. } => "missing_scope",
            Self::RateLimited { .. } => "rate_limited",
            Self::QuotaExceeded { .. } => "quota_exceeded",
            Self::ServiceTokenRefused => "service_token_refused",
            Self::LogUnavailable => "log_unavailable",
            Self::UpstreamPaused { .. } => "upstream_paused",
            Self::UnknownApi => "unknown_api",
            Self::AmbiguousPath => "ambiguous_path",
            Self::UpstreamDown => "upstream_down",
            Self::UpstreamTimeout { .. } => "upstream_timeout",
            Self::KeyNotRecoverable => "key_not_recoverable",
            Self::InvalidToken => "invalid_token",
            Self::TokenScope { .. } => "token_scope",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::RequestUnderWay => "request_under_way",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::BodyUnreadable => "body_unreadable",
            Self::SignatureInvalid => "signature_invalid",
            Self::HostUnclear => "host_unclear",
            Self::TooManyConnections => "too_many_connections",
            Self::UpstreamForbidden => "upstream_forbidden",
            Self::QuotaUnavailable => "quota_unavailable",
        }
    }

    /// HTTP status (RFC 9110 §15).
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::SeveralKeys
            | Self::KeyInUrl
            | Self::AmbiguousPath
            | Self::BodyUnreadable
            | Self::HostUnclear
            | Self::FilterUnreadable { .. } => 400,
            Self::SignInFailed
            | Self::PasskeyRefused
            | Self::RecoveryCodeWrong
            | Self::NotSignedIn
            | Self::MissingKey
            | Self::MalformedKey
            | Self::UnknownKey
            | Self::RevokedKey
            | Self::ExpiredKey
            | Self::InvalidToken
            | Self::SignatureInvalid
            | Self::ServiceTokenRefused => 401,
            Self::EmailNotVerified
            | Self::NotAllowed
            | Self::CrossSite
            | Self::StepUpRequired { .. }
            | Self::ProofRequired
            | Self::PasskeyRequired
            | Self::InviteForAnother
            | Self::AccountRestricted { .. }
            | Self::AccountSuspended { .. }
            | Self::PausedKey
            | Self::EnvironmentClosed
            | Self::OriginNotAllowed
            | Self::AddressNotAllowed
            | Self::NotSubscribed
            | Self::TokenScope { .. }
            | Self::MissingScope { .. } => 403,
            Self::NotFound | Self::LinkUnknown | Self::PasskeysUnavailable | Self::UnknownApi => 404,
            Self::MethodNotAllowed => 405,
            Self::KeyIsRevoked
            | Self::KeyInUse
            | Self::KeyNotRecoverable
            | Self::RequestUnderWay
            | Self::KeyIsProtected
            | Self::RotationUnderWay
            | Self::LastWayIn
            | Self::LastOwner
            | Self::PersonalOrganization
            | Self::AlreadyMember
            | Self::StateConflict
            | Self::RecoveryUnderWay
            | Self::TooMany { .. } => 409,
            Self::LinkExpired | Self::LinkUsed | Self::CeremonyExpired => 410,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InvalidInput { .. } | Self::IdempotencyKeyReused => 422,
            Self::TooManyTries { .. } | Self::RateLimited { .. } | Self::QuotaExceeded { .. } => 429,
            Self::UpstreamDown | Self::UpstreamForbidden => 502,
            Self::LogUnavailable | Self::UpstreamPaused { .. } | Self::TooManyConnections | Self::QuotaUnavailable => {
                503
            }
            Self::UpstreamTimeout { .. } => 504,
        }
    }

    /// A few words: the heading of a page, the `title` of a problem document.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        match self {
            Self::InvalidInput { .. } => "Some fields need another look",
            Self::SignInFailed => "Address or password is wrong",
            Self::EmailNotVerified => "Email not verified yet",
            Self::NotSignedIn => "Not signed in",
            Self::NotAllowed => "Not allowed",
            Self::NotFound => "Not found",
            Self::LinkUnknown => "Unknown link",
            Self::LinkExpired => "Link expired",
            Self::LinkUsed => "Link already used",
            Self::StepUpRequired { .. } => "Confirm that it is you",
            Self::TooManyTries { .. } => "Too many tries",
            Self::ProofRequired => "Proof of work needed",
            Self::PasskeyRefused => "Passkey not accepted",
            Self::PasskeysUnavailable => "No passkeys here",
            Self::CeremonyExpired => "Took too long",
            Self::PasskeyRequired => "Passkey needed",
            Self::LastWayIn => "Last way to sign in",
            Self::LastOwner => "Last owner",
            Self::PersonalOrganization => "Personal organization",
            Self::RecoveryCodeWrong => "Recovery code not accepted",
            Self::InviteForAnother => "Invitation for another address",
            Self::AlreadyMember => "Already a member",
            Self::AccountRestricted { .. } => "Account restricted",
            Self::AccountSuspended { .. } => "Account suspended",
            Self::StateConflict => "Not possible in this state",
            Self::RecoveryUnderWay => "Recovery under way",
            Self::TooMany { .. } => "No room for more",
            Self::KeyIsRevoked => "Key is revoked",
            Self::KeyInUse => "Key is in use",
            Self::KeyIsProtected => "Key is protected",
            Self::RotationUnderWay => "Rotation under way",
            Self::CrossSite => "Form came from another site",
            Self::MethodNotAllowed => "Method not allowed",
            Self::TooLarge => "Request too large",
            Self::FilterUnreadable { .. } => "Filter not understood",
            Self::MissingKey => "Key missing",
            Self::SeveralKeys => "More than one key",
            Self::KeyInUrl => "Key in the URL",
            Self::MalformedKey => "Malformed key",
            Self::UnknownKey => "Unknown key",
            Self::RevokedKey => "Revoked key",
            Self::PausedKey => "Paused key",
            Self::ExpiredKey => "Expired key",
            Self::EnvironmentClosed => "Wrong environment",
            Self::OriginNotAllowed => "Site not allowed",
            Self::AddressNotAllowed => "Address not allowed",
            Self::NotSubscribed => "Not subscribed",
            Self::MissingScope { .. } => "Scope missing",
            Self::RateLimited { .. } => "Too many requests",
            Self::QuotaExceeded { .. } => "Quota used up",
            Self::ServiceTokenRefused => "Service token not accepted",
            Self::LogUnavailable => "Log not available",
            Self::UpstreamPaused { .. } => "Upstream failing",
            Self::UnknownApi => "Unknown API",
            Self::AmbiguousPath => "Ambiguous path",
            Self::UpstreamDown => "Upstream not reachable",
            Self::UpstreamTimeout { .. } => "Upstream too slow",
            Self::KeyNotRecoverable => "Secret not kept",
            Self::InvalidToken => "Access token not accepted",
            Self::TokenScope { .. } => "Access token may not do this",
            Self::IdempotencyKeyReused => "Idempotency key used for something else",
            Self::RequestUnderWay => "Request under way",
            Self::UnsupportedMediaType => "Media type not supported",
            Self::BodyUnreadable => "Body not readable",
            Self::SignatureInvalid => "Signature not accepted",
            Self::HostUnclear => "Host unclear",
            Self::TooManyConnections => "Too many open connections",
            Self::UpstreamForbidden => "Upstream address not allowed",
            Self::QuotaUnavailable => "Quota not known",
        }
    }

    /// Why it happens and how to mend it: the body of its docs page.
    #[must_use]
    pub const fn explanation(&self) -> &'static str {
        match self {
            Self::InvalidInput { .. } => {
                "One or more fields were empty, too long, or held characters that cannot be seen. `fields` names each of them with its problem. Nothing was stored; send the corrected form again."
            }
            Self::SignInFailed => {
                "The address and the password do not belong together, or there is no such account. The answer is the same in both cases, so that nobody can find out who has an account here."
            }
            Self::EmailNotVerified => {
                "The password was right, but the address was never confirmed. Open the link in the verification mail, or ask for a new one on the sign-in page."
            }
            Self::NotSignedIn => {
                "The page or call needs a signed-in person. Sessions end after an hour without use and after a day at the latest."
            }
            Self::NotAllowed => {
                "You are signed in, but your role does not include this. Ask an owner of the organization."
            }
            Self::NotFound => {
                "There is nothing at this address, or it belongs to someone else. The answer is the same in both cases."
            }
            Self::LinkUnknown => {
                "The link is not one that we sent, or a mail program cut it. Copy the whole link from the mail into the address bar."
            }
            Self::LinkExpired => {
                "Links in mails work for a limited time. Ask for a new one; the old one stays useless."
            }
            Self::LinkUsed => {
                "Every link in a mail works once. If you did not use it yourself, somebody else reads your mail: secure your mailbox, then end all other sessions on the security page. If the link was for a key, revoke that key."
            }
            Self::StepUpRequired { .. } => {
                "Actions that could lock you out or give something away need an authentication that is not older than five minutes. Accounts with a passkey confirm with it, others with their password. Nothing was changed; confirm, and you come back to the same place with the form as you left it."
            }
            Self::TooManyTries { .. } => {
                "Tries are counted for each account and for each network address, in memory only, before anything is looked up. `Retry-After` says when the next one is taken. Your own browser, if it signed in before, and passkeys have an allowance of their own, so that nobody can lock you out by trying."
            }
            Self::ProofRequired => {
                "Forms that anybody can send carry a small proof of work, which your browser computes while you fill them in. Without JavaScript a few forms an hour are taken from one network address; these are used up. Switch JavaScript on, or try again later."
            }
            Self::PasskeyRefused => {
                "The passkey is not one of this account, or its answer could not be verified. The answer is the same in every case, so that nobody learns anything from it. Try again, use another passkey, or another way to sign in."
            }
            Self::PasskeysUnavailable => {
                "Browsers tie passkeys to a domain, and this portal is reached by a bare IP address. Passwords work as ever. Whoever runs the portal can give it a name in `portal.public_url`."
            }
            Self::CeremonyExpired => {
                "A passkey answers one question of ours, once, within five minutes. This one was too old or already answered. Start again."
            }
            Self::PasskeyRequired => {
                "The operator's desk shows other people's data, so it opens with a passkey only. Add one on the security page and sign in with it."
            }
            Self::LastWayIn => {
                "Nothing would be left to sign in with. Add a passkey or set a password first, then remove this one."
            }
            Self::LastOwner => {
                "An organization always has an owner. Hand it over to another member first, or make somebody else an owner too."
            }
            Self::PersonalOrganization => {
                "Every account starts with an organization of its own. Its person is its one owner for as long as the account exists: nobody else can own it, and its person cannot leave it. Other people can be members of it, in any other role. Create another organization for what should change hands."
            }
            Self::RecoveryCodeWrong => {
                "Each recovery code works once, and new codes make the old ones useless. Capital letters and dashes do not matter."
            }
            Self::InviteForAnother => {
                "An invitation is for one address alone. Sign in with the account that has the invited address, or ask for an invitation to yours."
            }
            Self::AlreadyMember => {
                "The person with this address belongs to the organization already. Change their role on the members page instead."
            }
            Self::AccountRestricted { .. } => {
                "A restricted account can sign in, read and export, and change nothing; its keys rest. The reason stands on the account page, with how to object."
            }
            Self::AccountSuspended { .. } => {
                "A suspended account cannot sign in, and its keys rest. The reason is said after the right password or passkey only. Answer the mail that we sent about it to object."
            }
            Self::StateConflict => {
                "Somebody or something changed it meanwhile. Load the page again to see how it stands now."
            }
            Self::RecoveryUnderWay => {
                "A recovery of this account is waiting already. It ends by itself, or when somebody cancels it."
            }
            Self::TooMany { .. } => {
                "Lists are bounded, so that nobody can fill the disk. Remove one that you do not need."
            }
            Self::KeyIsRevoked => "A revoked key stays revoked. Create a new one.",
            Self::KeyInUse => {
                "The key was already accepted by the gateway. Making its secret anew would break whoever uses it. Create another key, move over, then revoke this one."
            }
            Self::KeyIsProtected => {
                "Somebody switched on the protection of this key, and it was used within the last seven days. Switch the protection off on the key's page, then revoke it."
            }
            Self::RotationUnderWay => {
                "A key has two secrets at most: the old one and the new one. Retire the old secret on the key's page, or wait until its time is over, then rotate again."
            }
            Self::CrossSite => {
                "The browser says that the form was sent by another site (Sec-Fetch-Site, Origin). Open the page here and send it again."
            }
            Self::MethodNotAllowed => {
                "The address exists, but for another HTTP method. The `Allow` header lists which."
            }
            Self::TooLarge => {
                "The body of the request is larger than any form here needs or, at the gateway, than the API takes. Nothing was stored or forwarded beyond that, and the call is not counted."
            }
            Self::FilterUnreadable { .. } => {
                "A filter is a list of `field:value`, separated by spaces, each with an optional `-` before it. Fields: status, method, api, organization, key, code, environment. Example: `status:5xx -code:unknown_key`."
            }
            Self::MissingKey => {
                "The gateway looks for a key in `Authorization: Bearer <key>` or in `X-Api-Key: <key>`, and found neither."
            }
            Self::SeveralKeys => {
                "The request carries more than one key: in both headers, or one header twice. The gateway does not guess which one you mean."
            }
            Self::KeyInUrl => {
                "A key in a URL ends up in histories, proxies and logs. The gateway refuses it without looking at it and masks it in its own log. Treat that key as leaked: revoke it, and send the new one in a header."
            }
            Self::MalformedKey => {
                "The text is not a key of this portal: its prefix, length, alphabet or checksum is wrong. Most often a character was lost while copying. The string you sent is not stored."
            }
            Self::UnknownKey => {
                "The text has the form of a key, but there is no such key. It may belong to another environment or another portal. Only its last four characters are stored."
            }
            Self::RevokedKey => "The key was revoked by its organization and will never work again.",
            Self::PausedKey => {
                "The key rests while the account of its owner is restricted or suspended. It works again, unchanged, when that ends. The owner was told the reason by mail."
            }
            Self::ExpiredKey => {
                "The key was given an end when it was created, or its old secret was replaced by a new one and the time for both to work is over. The organization was told before. Create a key, or use the new secret."
            }
            Self::EnvironmentClosed => {
                "The API takes live keys only, or test keys only. A key's environment is its second part: `cs_live_…` or `cs_test_…`."
            }
            Self::OriginNotAllowed => {
                "The request carries an `Origin` header, so a browser sent it, from a site that the API's owner did not name. Call the API from your server, or ask its owner to name the site."
            }
            Self::AddressNotAllowed => {
                "The key's organization bound it to some network addresses, and the request came from another one. The address is compared and not stored. Whoever manages the key can change its addresses on the key's page."
            }
            Self::NotSubscribed => {
                "The key is fine, but its organization has no plan for this API, or its subscription waits for approval. Choose a plan on the API's page in the console."
            }
            Self::MissingScope { .. } => {
                "Operations of this API need scopes, and the key was created without this one. Scopes of a key are set on its page; a key without any has them all."
            }
            Self::RateLimited { .. } => {
                "Limits stand at up to five levels: organization, plan, key, route and address; a request needs room in all of them, and a refused one uses none. `RateLimit-Policy` lists them, `RateLimit` says how much room is left, `Retry-After` when there is room again. Spread your calls, or choose a larger plan."
            }
            Self::QuotaExceeded { .. } => {
                "The plan has a quota for each period, and it is used up. Refused calls and calls that the API behind the gateway could not answer are not counted. `Retry-After` says when the next period begins; a larger plan helps at once."
            }
            Self::ServiceTokenRefused => {
                "`POST /verify` is for the operator's own servers. It wants a token from `gateway.service_tokens` as `Authorization: Bearer <token>`. Keys of developers do not open it."
            }
            Self::LogUnavailable => {
                "The operator wants every call to this API written down, and the gateway could not write: its disk is full or failing. The call was not forwarded and is not counted. It is safe to repeat."
            }
            Self::UpstreamPaused { .. } => {
                "The API behind the gateway failed several times in a row, so the gateway lets it rest for a few seconds instead of sending more. The call was not forwarded and is not counted; it is safe to repeat."
            }
            Self::UnknownApi => {
                "The first segment of the path names the API, and there is none with this name. The docs list all of them."
            }
            Self::AmbiguousPath => {
                "The path holds `.` or `..` segments, empty segments, encoded slashes or backslashes. Programs read such paths differently, so the gateway forwards none of them."
            }
            Self::UpstreamDown => {
                "The gateway accepted your call, but the API behind it could not be reached or broke off. The call is not counted against you; it is safe to repeat if the operation itself is."
            }
            Self::UpstreamTimeout { .. } => {
                "The gateway accepted your call, but the API behind it did not answer in time. The call is not counted against you; the API may have worked on it all the same."
            }
            Self::KeyNotRecoverable => {
                "Secrets are shown once and only a sealed digest is kept, unless every API that the key is for lets its developers recover them. Rotate the key: the new secret is shown once, and the old one goes on working for as long as you choose."
            }
            Self::InvalidToken => {
                "Calls to `/api/v1` carry an access token of the console as `Authorization: Bearer <token>`. The token is unknown, revoked, past its end, or its person left the organization; the answer is the same in every case. A key of the gateway is not an access token."
            }
            Self::TokenScope { .. } => {
                "An access token does only what its scopes say, and never more than the person who made it. Create another one with this scope; scopes of a token do not change."
            }
            Self::IdempotencyKeyReused => {
                "The same `Idempotency-Key` came with another request less than a day ago. A repeated request must be the same, byte for byte; a new request needs a new key."
            }
            Self::RequestUnderWay => {
                "A request with this `Idempotency-Key` is being worked on. Send it again in a moment, with the same key: you get the answer of the first."
            }
            Self::UnsupportedMediaType => "The REST API reads JSON. Say so with `Content-Type: application/json`.",
            Self::BodyUnreadable => {
                "The body is not JSON of the documented shape: a syntax error, a field of another type, or a field that does not exist. The OpenAPI document at `/api/v1/openapi.json` has the shapes. Nothing was changed."
            }
            Self::SignatureInvalid => {
                "Reports of leaked keys are signed over the bytes of the body with a key of the programme that sends them (ECDSA with P-256 and SHA-256). The signature is missing, from an unknown key, or of other bytes."
            }
            Self::HostUnclear => {
                "A request of HTTP/1.1 names its host exactly once (RFC 9112 section 3.2). Programs between you and the gateway could disagree about the host of this one, so it goes nowhere."
            }
            Self::TooManyConnections => {
                "Upgraded connections, such as WebSockets, stay open for long, so their number is bounded for each API. The call was not forwarded and is not counted."
            }
            Self::UpstreamForbidden => {
                "The name of the API behind the gateway leads to an address inside the operator's own network, which the operator did not allow. Nothing was sent there. The operator has to correct the API's address."
            }
            Self::QuotaUnavailable => {
                "Several gateways share the quota through the database. It has not answered for a while, and what this gateway had set aside is used up. The call was not forwarded and is not counted."
            }
        }
    }

    /// Whether the gateway gives it: such codes stand in request logs.
    #[must_use]
    pub const fn is_of_gateway(&self) -> bool {
        matches!(
            self,
            Self::MethodNotAllowed
                | Self::InvalidInput { .. }
                | Self::TooLarge
                | Self::MissingKey
                | Self::SeveralKeys
                | Self::KeyInUrl
                | Self::MalformedKey
                | Self::UnknownKey
                | Self::RevokedKey
                | Self::PausedKey
                | Self::ExpiredKey
                | Self::EnvironmentClosed
                | Self::OriginNotAllowed
                | Self::AddressNotAllowed
                | Self::NotSubscribed
                | Self::MissingScope { .. }
                | Self::RateLimited { .. }
                | Self::QuotaExceeded { .. }
                | Self::ServiceTokenRefused
                | Self::LogUnavailable
                | Self::UpstreamPaused { .. }
                | Self::UnknownApi
                | Self::AmbiguousPath
                | Self::UpstreamDown
                | Self::UpstreamTimeout { .. }
                | Self::HostUnclear
                | Self::TooManyConnections
                | Self::UpstreamForbidden
                | Self::QuotaUnavailable
        )
    }

    /// When to try again, in seconds, if that is known: the `Retry-After` header (RFC 9110 §10.2.3).
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::TooManyTries { retry_after_s }
            | Self::RateLimited { retry_after_s, .. }
            | Self::QuotaExceeded { retry_after_s, .. }
            | Self::UpstreamPaused { retry_after_s } => Some(*retry_after_s),
            _ => None,
        }
    }

    /// What is wrong with the field, if this refusal is about it.
    #[must_use]
    pub fn problem_of(&self, name: &str) -> Option<crate::Problem> {
        match self {
            Self::InvalidInput { fields } => fields.iter().find(|field| field.field == name).map(|field| field.problem),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidInput { fields } => match fields.len() {
                1 => f.write_str("One field needs another look. Correct it and send the form again."),
                _ => f.write_str("Some fields need another look. Correct them and send the form again."),
            },
            Self::SignInFailed => f.write_str("No account has this address and password. Check both and try again."),
            Self::EmailNotVerified => f.write_str("Verify your email first: open the link we sent you, or ask for a new one."),
            Self::NotSignedIn => f.write_str("Sign in to continue."),
            Self::NotAllowed => f.write_str("Your role does not allow this. Ask an owner of the organization."),
            Self::NotFound => f.write_str("There is nothing here. Check the address, or go back to where you came from."),
            Self::LinkUnknown => f.write_str("This link is not complete. Copy the whole link from the mail."),
            Self::LinkExpired => f.write_str("This link is too old. Ask for a new one."),
            Self::LinkUsed => f.write_str("This link was already used. Ask for a new one if you still need it."),
            Self::StepUpRequired { passkey: true } => f.write_str("Confirm with your passkey that it is you, then continue."),
            Self::StepUpRequired { passkey: false } => f.write_str("Confirm with your password that it is you, then continue."),
            Self::TooManyTries { retry_after_s } => write!(f, "Too many tries. Wait {}, then try again.", wait(*retry_after_s)),
            Self::ProofRequired => f.write_str("Switch JavaScript on and send the form again, or try again in an hour."),
            Self::PasskeyRefused => f.write_str("This passkey was not accepted. Try again, or use another way to sign in."),
            Self::PasskeysUnavailable => f.write_str("This portal has no passkeys. Use a password."),
            Self::CeremonyExpired => f.write_str("This took too long, or was already done. Start again."),
            Self::PasskeyRequired => f.write_str("Add a passkey and sign in with it: the operator's desk opens with a passkey only."),
            Self::LastWayIn => f.write_str("This is the last way to sign in. Add another one first."),
            Self::LastOwner => f.write_str("An organization needs an owner. Hand it over to another member first."),
            Self::PersonalOrganization => f.write_str("A personal organization stays with its person. Create another organization for what should change hands."),
            Self::RecoveryCodeWrong => f.write_str("This recovery code is wrong or was used. Check it, or use another one."),
            Self::InviteForAnother => f.write_str("This invitation is for another address. Sign in with the account that has it."),
            Self::AlreadyMember => f.write_str("This person is a member already. Change their role instead."),
            Self::AccountRestricted { reason } => write!(f, "This account is restricted and cannot change anything: {reason}"),
            Self::AccountSuspended { reason } => write!(f, "This account is suspended: {reason}"),
            Self::StateConflict => f.write_str("This is not possible any more. Load the page again to see how it stands."),
            Self::RecoveryUnderWay => f.write_str("A recovery is already under way. Wait for its mail, or cancel it."),
            Self::TooMany { max } => write!(f, "There can be {max} of these at most. Remove one first."),
            Self::KeyIsRevoked => f.write_str("This key is revoked. Create a new one."),
            Self::KeyInUse => f.write_str("This key is already in use, so its secret cannot be made anew. Rotate it: the old secret can go on working meanwhile."),
            Self::KeyIsProtected => f.write_str("This key is protected while it is in use. Switch the protection off first."),
            Self::RotationUnderWay => f.write_str("This key has two secrets already. Retire the old one first."),
            Self::CrossSite => f.write_str("This form was sent from another site, so it was not accepted. Open the page here and send it again."),
            Self::MethodNotAllowed => f.write_str("This address does not take that method. The Allow header lists which it takes."),
            Self::TooLarge => f.write_str("This request is too large. Shorten it and send it again."),
            Self::FilterUnreadable { part } => write!(f, "The filter part `{part}` was not understood. Write it like `status:5xx` or `-code:unknown_key`."),
            Self::MissingKey => f.write_str("Send your key as `Authorization: Bearer <key>` or as `X-Api-Key: <key>`."),
            Self::SeveralKeys => f.write_str("Send exactly one key, in one header."),
            Self::KeyInUrl => f.write_str("Send the key in a header, not in the URL. Revoke this key: URLs are recorded in many places."),
            Self::MalformedKey => f.write_str("This is not a complete key. Copy it again; a character is missing or wrong."),
            Self::UnknownKey => f.write_str("There is no such key. Check that you use the right one, or create a new one."),
            Self::RevokedKey => f.write_str("This key was revoked. Use another one, or create a new one."),
            Self::PausedKey => f.write_str("This key rests while its owner's account is restricted. Use another one, or ask the owner."),
            Self::ExpiredKey => f.write_str("This key or secret has expired. Use the new one, or create another key."),
            Self::EnvironmentClosed => f.write_str("This API does not take keys of this environment. Use a key of the other one."),
            Self::OriginNotAllowed => f.write_str("This API is not open to pages of this site. Call it from a server, or ask its owner to allow the site."),
            Self::AddressNotAllowed => f.write_str("This key does not work from this network address. Use it from an address on its list, or change the list."),
            Self::NotSubscribed => f.write_str("Your organization has no plan for this API. Choose one in the console."),
            Self::MissingScope { scope } => write!(f, "This key lacks the scope `{scope}`. Add it on the key's page, or use another key."),
            Self::RateLimited { level, limit, retry_after_s } => write!(
                f,
                "More than {} for this {}. Wait {}, then go on more slowly.",
                limit, level.word(), wait(*retry_after_s)
            ),
            Self::QuotaExceeded { quota, retry_after_s } => write!(
                f,
                "The quota of {quota} is used up. It is full again in {}; a larger plan helps at once.",
                wait(*retry_after_s)
            ),
            Self::ServiceTokenRefused => f.write_str("Send a service token of the operator as `Authorization: Bearer <token>`."),
            Self::LogUnavailable => f.write_str("The gateway cannot write its log, so it forwards nothing to this API. Nothing was charged. Try again in a moment."),
            Self::UpstreamPaused { retry_after_s } => write!(f, "The API behind the gateway keeps failing and is left alone. Nothing was charged. Try again in {}.", wait(*retry_after_s)),
            Self::UnknownApi => f.write_str("There is no API with this name. The docs list all of them."),
            Self::AmbiguousPath => f.write_str("Send the path without `.`, `..`, empty segments, encoded slashes or backslashes."),
            Self::UpstreamDown => f.write_str("The API behind the gateway could not be reached. Nothing was charged. Try again in a moment."),
            Self::UpstreamTimeout { waited_s } => write!(f, "The API behind the gateway did not answer within {waited_s} s. Nothing was charged."),
            Self::KeyNotRecoverable => f.write_str("Nobody can show this secret again. Rotate the key instead; the old secret can go on working meanwhile."),
            Self::InvalidToken => f.write_str("Send an access token from the console as `Authorization: Bearer <token>`."),
            Self::TokenScope { scope } => write!(f, "This access token lacks the scope `{scope}`. Create one that has it."),
            Self::IdempotencyKeyReused => f.write_str("This Idempotency-Key belongs to another request. Send a new one."),
            Self::RequestUnderWay => f.write_str("The same request is being worked on. Send it again in a moment."),
            Self::UnsupportedMediaType => f.write_str("Send JSON, with `Content-Type: application/json`."),
            Self::BodyUnreadable => f.write_str("The body is not what this call reads. Compare it with the OpenAPI document."),
            Self::SignatureInvalid => f.write_str("Sign the body, byte for byte, with a key that the operator listed."),
            Self::HostUnclear => f.write_str("Send exactly one Host header."),
            Self::TooManyConnections => f.write_str("This API has as many open connections as it may have. Close one, or try again later."),
            Self::UpstreamForbidden => f.write_str("The API behind the gateway has an address that is not allowed. Nothing was charged. Only the operator can mend this."),
            Self::QuotaUnavailable => f.write_str("The gateway cannot reach the count of the quota. Nothing was charged. Try again in a moment."),
        }
    }
}

/// A time to wait, as people say it; rounded up, so that nobody comes too early.
fn wait(seconds: u32) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3_600)),
    }
}

impl std::error::Error for Refusal {}

/// A problem document (RFC 9457 §3.1), with our two extension members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemDocument {
    /// Where it is explained: `/docs/errors/{code}` of the portal.
    pub r#type: String,
    /// A few words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// One sentence: what to do.
    pub detail: String,
    /// The stable word.
    pub code: String,
    /// Names the request in logs, on both sides.
    pub request_id: String,
    /// What is wrong with which field; absent unless the code is `invalid_input`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
}

impl ProblemDocument {
    /// The document for a refusal. `portal_url` has no slash at its end.
    #[must_use]
    pub fn new(refusal: &Refusal, portal_url: &str, request_id: crate::RequestId) -> Self {
        Self {
            r#type: format!("{portal_url}/docs/errors/{}", refusal.code()),
            title: refusal.title().to_owned(),
            status: refusal.status(),
            detail: refusal.to_string(),
            code: refusal.code().to_owned(),
            request_id: request_id.to_string(),
            fields: match refusal {
                Refusal::InvalidInput { fields } => fields.clone(),
                _ => Vec::new(),
            },
        }
    }
}

const _: () = assert!(LABEL_MAX < 100, "a label stands in a table column");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_catalogue_is_what_we_published() {
        let lines: Vec<String> = Refusal::catalogue()
            .iter()
            .map(|refusal| format!("{} {} | {} | {refusal}", refusal.status(), refusal.code(), refusal.title()))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn every_code_is_unique_and_is_its_serialized_tag() {
        let catalogue = Refusal::catalogue();
        let codes: BTreeSet<&str> = catalogue.iter().map(Refusal::code).collect();
        assert_eq!(codes.len(), catalogue.len());
        for refusal in catalogue {
            let json = serde_json::to_value(&refusal).unwrap_or_default();
            assert_eq!(json["code"], refusal.code());
            assert_eq!(Refusal::by_code(refusal.code()).as_ref(), Some(&refusal));
        }
    }
}

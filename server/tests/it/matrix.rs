//! The authorization matrix: every server function and every page, as everyone, with everyone's objects.
//!
//! - What there is, the registry of server functions and the router's list of pages say. What is expected of each
//!   stands in [`FUNCTIONS`], and follows from the address of a page; a function that is missing there fails the test, and
//!   so does one that is gone.
//! - Somebody who may not is refused alike for their own object, somebody else's and none.
//! - Somebody who may is answered alike for somebody else's object and for none, and nothing changes.
//! - No answer holds a word of an organization that the person does not belong to.
//!
//! Claims: FLOW-61, S002-19, CARD-12

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use axum::http::Method;
use contract::{Permission, Role, StaffPermission, StaffRole};
use uuid::Uuid;

use crate::anonymous_coverage::server_functions;
use crate::fixture::join;
use crate::harness::{Answer, Browser, House, encoded, system};

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// Everyone: the way in and out, and what is public.
    Everyone,
    /// Whoever is signed in, about themselves.
    SignedIn,
    /// Members whose role allows it.
    Members(Permission),
    /// Staff whose role allows it.
    Staff(StaffPermission),
}

/// What `id` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    /// The function is about nothing that could be somebody else's.
    Nothing,
    Key,
    Invite,
    /// An invitation to the person themselves: to whoever was invited.
    OwnInvite,
    Member,
    Session,
    Passkey,
    Organization,
    /// An account, for staff.
    Account,
    Subscription,
    /// An access token.
    Token,
}

use May::{Everyone, Members, SignedIn, Staff};

/// Every server function: who may, and what its field of that name is about.
const FUNCTIONS: &[(&str, May, &str, Of)] = &[
    ("/rpc/access_tokens/read", SignedIn, "", Of::Nothing),
    ("/rpc/access_tokens/revoke", SignedIn, "id", Of::Token),
    ("/rpc/accounts/ask_email_change", SignedIn, "", Of::Nothing),
    ("/rpc/accounts/ask_reset", Everyone, "", Of::Nothing),
    ("/rpc/accounts/cancel_email_change", SignedIn, "", Of::Nothing),
    ("/rpc/accounts/change_name", SignedIn, "", Of::Nothing),
    ("/rpc/accounts/confirm_email", Everyone, "", Of::Nothing),
    ("/rpc/accounts/read_email_change", Everyone, "", Of::Nothing),
    ("/rpc/accounts/read_reset", Everyone, "", Of::Nothing),
    ("/rpc/accounts/read_security", SignedIn, "", Of::Nothing),
    ("/rpc/accounts/read_verification", Everyone, "", Of::Nothing),
    ("/rpc/accounts/remove_password", SignedIn, "", Of::Nothing),
    ("/rpc/accounts/resend_verification", Everyone, "", Of::Nothing),
    ("/rpc/accounts/reset_password", Everyone, "", Of::Nothing),
    ("/rpc/accounts/set_password", SignedIn, "", Of::Nothing),
    ("/rpc/accounts/sign_up", Everyone, "", Of::Nothing),
    ("/rpc/accounts/verify_email", Everyone, "", Of::Nothing),
    ("/rpc/apis/change", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/apis/change_privacy", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/apis/change_recovery", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/apis/close", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/apis/create", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/apis/desk", Staff(StaffPermission::ReadApis), "", Of::Nothing),
    ("/rpc/apis/docs", Everyone, "", Of::Nothing),
    ("/rpc/apis/list", Everyone, "", Of::Nothing),
    ("/rpc/apis/privacy", Everyone, "", Of::Nothing),
    ("/rpc/apis/read_refused_document", Staff(StaffPermission::ReadApis), "", Of::Nothing),
    ("/rpc/apis/read_tried", Everyone, "", Of::Nothing),
    ("/rpc/apis/reopen", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/apis/see", Staff(StaffPermission::ReadApis), "", Of::Nothing),
    ("/rpc/audit_log/read", Members(Permission::ReadAuditLog), "", Of::Nothing),
    ("/rpc/docs/rest", Everyone, "", Of::Nothing),
    ("/rpc/frame/read", Everyone, "", Of::Nothing),
    ("/rpc/guard/challenge", Everyone, "", Of::Nothing),
    ("/rpc/kept/take", Everyone, "", Of::Nothing),
    ("/rpc/imports/list", Staff(StaffPermission::ReadKeys), "", Of::Nothing),
    ("/rpc/imports/read_refused", Staff(StaffPermission::ReadKeys), "", Of::Nothing),
    ("/rpc/imports/see", Staff(StaffPermission::ReadKeys), "", Of::Nothing),
    ("/rpc/keys/change_terms", Members(Permission::CreateKeys), "id", Of::Key),
    ("/rpc/keys/create", Members(Permission::CreateKeys), "", Of::Nothing),
    ("/rpc/keys/desk_find", Staff(StaffPermission::ReadKeys), "query", Of::Key),
    ("/rpc/keys/desk_revoke", Staff(StaffPermission::ManageKeys), "id", Of::Key),
    ("/rpc/keys/desk_rotate", Staff(StaffPermission::ManageKeys), "id", Of::Key),
    ("/rpc/keys/desk_see", Staff(StaffPermission::ReadKeys), "id", Of::Key),
    ("/rpc/keys/list", Members(Permission::ReadKeys), "", Of::Nothing),
    ("/rpc/keys/read", Members(Permission::ReadKeys), "id", Of::Key),
    ("/rpc/keys/read_reveal", Members(Permission::CreateKeys), "", Of::Nothing),
    ("/rpc/keys/restore_label", Members(Permission::CreateKeys), "id", Of::Key),
    ("/rpc/keys/retire", Members(Permission::RevokeKeys), "id", Of::Key),
    ("/rpc/keys/revoke", Members(Permission::RevokeKeys), "id", Of::Key),
    ("/rpc/keys/rotate", Members(Permission::CreateKeys), "id", Of::Key),
    ("/rpc/keys/send_reveal_link", Members(Permission::CreateKeys), "id", Of::Key),
    ("/rpc/leaks/change_terms", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/leaks/list", Staff(StaffPermission::ReadKeys), "", Of::Nothing),
    ("/rpc/leaks/patterns", Everyone, "", Of::Nothing),
    ("/rpc/leaks/read_check", Everyone, "", Of::Nothing),
    ("/rpc/organizations/accept_invite", SignedIn, "id", Of::OwnInvite),
    ("/rpc/organizations/change", Members(Permission::ManageOrganization), "", Of::Nothing),
    ("/rpc/organizations/change_limit", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/organizations/change_role", Members(Permission::ManageMembers), "account", Of::Member),
    ("/rpc/organizations/create", SignedIn, "", Of::Nothing),
    ("/rpc/organizations/decline_invite", SignedIn, "id", Of::OwnInvite),
    ("/rpc/organizations/hand_over", Members(Permission::HandOver), "account", Of::Member),
    ("/rpc/organizations/invite", Members(Permission::ManageMembers), "", Of::Nothing),
    ("/rpc/organizations/leave", SignedIn, "", Of::Nothing),
    ("/rpc/organizations/my_invites", SignedIn, "", Of::Nothing),
    ("/rpc/organizations/read", Members(Permission::ReadMembers), "", Of::Nothing),
    ("/rpc/organizations/read_invite", Everyone, "", Of::Nothing),
    ("/rpc/organizations/read_kept", Everyone, "", Of::Nothing),
    ("/rpc/organizations/remove", Members(Permission::ManageMembers), "account", Of::Member),
    ("/rpc/organizations/revoke_invite", Members(Permission::ManageMembers), "id", Of::Invite),
    ("/rpc/organizations/see", Staff(StaffPermission::ReadApis), "", Of::Nothing),
    ("/rpc/organizations/send_contact_link", Members(Permission::ManageOrganization), "", Of::Nothing),
    ("/rpc/organizations/switch", SignedIn, "id", Of::Organization),
    ("/rpc/organizations/verify_contact", Everyone, "", Of::Nothing),
    ("/rpc/overview/read", SignedIn, "", Of::Nothing),
    ("/rpc/pages/missing", Everyone, "", Of::Nothing),
    ("/rpc/passkeys/finish_registration", SignedIn, "", Of::Nothing),
    ("/rpc/passkeys/finish_registration_by_link", Everyone, "", Of::Nothing),
    ("/rpc/passkeys/finish_sign_in", Everyone, "", Of::Nothing),
    ("/rpc/passkeys/finish_step_up", SignedIn, "", Of::Nothing),
    ("/rpc/passkeys/list", SignedIn, "", Of::Nothing),
    ("/rpc/passkeys/remove", SignedIn, "id", Of::Passkey),
    ("/rpc/passkeys/rename", SignedIn, "id", Of::Passkey),
    ("/rpc/passkeys/start_registration", SignedIn, "", Of::Nothing),
    ("/rpc/passkeys/start_registration_by_link", Everyone, "", Of::Nothing),
    ("/rpc/passkeys/start_sign_in", Everyone, "", Of::Nothing),
    ("/rpc/passkeys/start_step_up", SignedIn, "", Of::Nothing),
    ("/rpc/plans/close", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/plans/reopen", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/plans/save", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/policies/privacy", Everyone, "", Of::Nothing),
    ("/rpc/recovery/ask", Everyone, "", Of::Nothing),
    ("/rpc/recovery/cancel", Everyone, "", Of::Nothing),
    ("/rpc/recovery/cancel_mine", SignedIn, "", Of::Nothing),
    ("/rpc/recovery/finish", Everyone, "", Of::Nothing),
    ("/rpc/recovery/read_cancel", Everyone, "", Of::Nothing),
    ("/rpc/recovery/read_codes", SignedIn, "", Of::Nothing),
    ("/rpc/recovery/read_finish", Everyone, "", Of::Nothing),
    ("/rpc/recovery/read_start", Everyone, "", Of::Nothing),
    ("/rpc/recovery/start", Everyone, "", Of::Nothing),
    ("/rpc/request_logs/read", Members(Permission::ReadRequestLogs), "", Of::Nothing),
    ("/rpc/security/read_confirmation", SignedIn, "", Of::Nothing),
    ("/rpc/security/read_events", SignedIn, "", Of::Nothing),
    ("/rpc/security/read_kept", Everyone, "", Of::Nothing),
    ("/rpc/security/read_stored", Everyone, "", Of::Nothing),
    ("/rpc/sessions/confirm", SignedIn, "", Of::Nothing),
    ("/rpc/sessions/confirm_with_code", SignedIn, "", Of::Nothing),
    ("/rpc/sessions/end_one", SignedIn, "id", Of::Session),
    ("/rpc/sessions/end_others", SignedIn, "", Of::Nothing),
    ("/rpc/sessions/list", SignedIn, "", Of::Nothing),
    ("/rpc/sessions/sign_in", Everyone, "", Of::Nothing),
    ("/rpc/sessions/sign_in_with_code", Everyone, "", Of::Nothing),
    ("/rpc/sessions/sign_out", Everyone, "", Of::Nothing),
    ("/rpc/staff/find", Staff(StaffPermission::ReadAccounts), "query", Of::Account),
    ("/rpc/staff/resend_verification", Staff(StaffPermission::ResendVerification), "id", Of::Account),
    ("/rpc/staff/restore", Staff(StaffPermission::RestrictAccounts), "id", Of::Account),
    ("/rpc/staff/restrict", Staff(StaffPermission::RestrictAccounts), "id", Of::Account),
    ("/rpc/staff/see", Staff(StaffPermission::ReadAccounts), "id", Of::Account),
    ("/rpc/staff/suspend", Staff(StaffPermission::SuspendAccounts), "id", Of::Account),
    ("/rpc/subscriptions/approve", Staff(StaffPermission::ManageApis), "id", Of::Subscription),
    ("/rpc/subscriptions/change_overrides", Staff(StaffPermission::ManageApis), "id", Of::Subscription),
    ("/rpc/subscriptions/give", Staff(StaffPermission::ManageApis), "", Of::Nothing),
    ("/rpc/subscriptions/leave", Members(Permission::ManageSubscriptions), "id", Of::Subscription),
    ("/rpc/subscriptions/of_api", Staff(StaffPermission::ReadApis), "", Of::Nothing),
    ("/rpc/subscriptions/own", Members(Permission::ReadUsage), "", Of::Nothing),
    ("/rpc/subscriptions/own_page", Members(Permission::ReadUsage), "", Of::Nothing),
    ("/rpc/subscriptions/reject", Staff(StaffPermission::ManageApis), "id", Of::Subscription),
    ("/rpc/subscriptions/top_up", Staff(StaffPermission::ManageApis), "id", Of::Subscription),
    ("/rpc/subscriptions/request", Members(Permission::ManageSubscriptions), "", Of::Nothing),
    ("/rpc/theme/set", Everyone, "", Of::Nothing),
    ("/rpc/usage/read", Members(Permission::ReadUsage), "", Of::Nothing),
];

/// What a page's path can hold, and what is put there.
const PARAMETERS: [(&str, &str); 4] = [
    ("{api}", "almanac"),
    ("{code}", "missing_key"),
    ("{plan}", "new"),
    ("{subscription}", "sub_01J80000000000000000000000"),
];

/// Somebody, as the matrix knows them.
struct Subject {
    name: &'static str,
    browser: Browser,
    role: Option<Role>,
    staff: Option<StaffRole>,
    /// Organizations whose words they may read.
    belongs: BTreeSet<&'static str>,
}

/// An organization with one of everything, in every state it can be in.
#[derive(Default)]
struct Organization {
    objects: BTreeMap<Of, Vec<(&'static str, String)>>,
    /// Words that stand in its rows and nowhere else.
    words: Vec<String>,
}

impl Organization {
    fn put(&mut self, kind: Of, state: &'static str, id: impl ToString) {
        self.objects.entry(kind).or_default().push((state, id.to_string()));
    }
}

/// Ids of nothing.
fn nothing(kind: Of) -> String {
    let nobody = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001);
    match kind {
        Of::Nothing => String::new(),
        Of::Key => contract::KeyId::new(nobody).to_string(),
        Of::Invite | Of::OwnInvite => contract::InviteId::new(nobody).to_string(),
        Of::Member | Of::Account => contract::AccountId::new(nobody).to_string(),
        Of::Session => contract::SessionId::new(nobody).to_string(),
        Of::Passkey => contract::PasskeyId::new(nobody).to_string(),
        Of::Organization => contract::OrganizationId::new(nobody).to_string(),
        Of::Subscription => contract::SubscriptionId::new(nobody).to_string(),
        Of::Token => contract::TokenId::new(nobody).to_string(),
    }
}

/// Fields of every form at once, filled in well: what a form does not know it ignores.
fn fields<'a>(field: &'a str, id: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("name", "Another name"),
        ("email", "stranger@example.com"),
        ("password", "seven purple bicycles hum"),
        ("label", "another label"),
        ("environment", "live"),
        ("form_token", "a-form-token"),
        ("role", "viewer"),
        ("reason", "because the matrix asks"),
        ("purpose", "help_asked"),
        ("country", "PT"),
        ("contact_email", "contact@example.com"),
        ("slug", "almanac"),
        ("plan", "plan_01J80000000000000000000000"),
        ("approval", "automatic"),
        ("audience", "everybody"),
    ];
    if !field.is_empty() {
        all.push((field, id));
    }
    all
}

async fn ask(browser: &mut Browser, method: &Method, path: &str, field: &str, id: &str) -> Answer {
    if method == Method::GET {
        let query =
            if field.is_empty() { String::new() } else { format!("?{field}={}&purpose=help_asked", encoded(id)) };
        browser.get(&format!("{path}{query}")).await
    } else {
        browser.post(path, &fields(field, id)).await
    }
}

/// What a person reads of an answer; without what differs in each.
fn seen(answer: &Answer) -> (u16, String, String) {
    (answer.status, answer.body.clone(), answer.header("location").to_owned())
}

fn is_denied(answer: &Answer, status: u16, code: &str) -> bool {
    answer.status == status && answer.code() == code
}

/// The world of the matrix.
struct World {
    house: House,
    subjects: Vec<Subject>,
    organizations: BTreeMap<&'static str, Organization>,
}

const ALPHA: &str = "Alphonse Astronomers";
const BETA: &str = "Betelgeuse Bakers";
const GAMMA: &str = "Gamelan Gardeners";

async fn secret_revealed(house: &House, browser: &mut Browser, email: &str, label: &str) -> String {
    let token = browser.get("/rpc/keys/list").await.json()["form_token"].as_str().unwrap().to_owned();
    let fields = [("label", label), ("environment", "live"), ("form_token", token.as_str())];
    let created = browser.post("/rpc/keys/create", &fields).await;
    assert_eq!(created.status, 200, "{created:?}");
    let link = house.newest_token(email).await;
    let shown = browser.without_script().post("/reveal", &[("token", &link)]).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let keys = browser.get("/rpc/keys/list").await.json();
    let all = keys["keys"].as_array().unwrap();
    all.iter().find(|key| key["label"] == label).unwrap()["id"].as_str().unwrap().to_owned()
}

/// An organization with keys in every state, invitations, members and sessions.
async fn organization(house: &House, owner: &mut Browser, owner_name: &str, name: &'static str) -> Organization {
    let created = owner.post("/rpc/organizations/create", &[("name", name)]).await;
    assert_eq!(created.status, 200, "{created:?}");
    let email = format!("{}@example.com", owner_name.to_lowercase());
    let mut organization = Organization::default();
    let label = |state: &str| format!("{name} {state}");
    let active = secret_revealed(house, owner, &email, &label("active")).await;
    let revoked = secret_revealed(house, owner, &email, &label("revoked")).await;
    assert_eq!(owner.post("/rpc/keys/revoke", &[("id", &revoked)]).await.status, 200);
    let token = owner.get("/rpc/keys/list").await.json()["form_token"].as_str().unwrap().to_owned();
    let waiting = label("waiting");
    let fields = [("label", waiting.as_str()), ("environment", "test"), ("form_token", token.as_str())];
    let waiting = owner.post("/rpc/keys/create", &fields).await.json()["id"].as_str().unwrap().to_owned();
    organization.put(Of::Key, "active", active);
    organization.put(Of::Key, "revoked", revoked);
    organization.put(Of::Key, "awaiting reveal", waiting);
    let guest = format!("guest.of.{}@example.com", name.split(' ').next().unwrap().to_lowercase());
    let invited = owner.post("/rpc/organizations/invite", &[("email", &guest), ("role", "viewer")]).await;
    assert_eq!(invited.status, 200, "{invited:?}");
    let op = house.op_of(owner).await;
    let page = portal::organizations::read(&op).await.unwrap();
    organization.put(Of::Invite, "open", page.invites[0].id);
    organization.put(Of::OwnInvite, "open, for somebody else", page.invites[0].id);
    let person = op.signed_in().unwrap();
    organization.put(Of::Member, "owner", person.account);
    organization.put(Of::Account, "active", person.account);
    organization.put(Of::Session, "open", person.session);
    organization.put(Of::Organization, "team", person.organization.id);
    let typed = contract::access_tokens::TypedToken {
        name: format!("token of {owner_name}"),
        scopes: "keys:read".to_owned(),
        days: "30".to_owned(),
    };
    let made = portal::access_tokens::create(&op, &typed).await.unwrap().token;
    organization.put(Of::Token, "active", made.id);
    organization.words.push(made.name);
    let plans = portal::subscriptions::own_page(&op, "almanac").await.unwrap().plans;
    for (name, state) in [("Plus", "active"), ("Pro", "requested")] {
        let plan = plans.iter().find(|plan| plan.name == name).unwrap().id;
        let note = format!("{state} note of {owner_name}");
        organization.put(Of::Subscription, state, portal::subscriptions::request(&op, plan, &note).await.unwrap());
        organization.words.push(note);
    }
    organization.words.extend([name.to_owned(), email, guest, person.organization.id.to_string()]);
    organization
}

async fn world() -> World {
    let house = House::open().await;
    house.open_gateway().await;
    for (name, approval) in [("Plus", "automatic"), ("Pro", "manual")] {
        let plan = portal::plans::NewPlan {
            name: name.to_owned(),
            approval: approval.to_owned(),
            audience: "everybody".to_owned(),
            ..portal::plans::NewPlan::default()
        };
        portal::plans::create(&system(&house.portal), "almanac", plan).await.unwrap();
    }
    let mut anna = house.person("Anna").await;
    let mut alpha = organization(&house, &mut anna, "Anna", ALPHA).await;
    let mut subjects = Vec::new();
    let mut add = |name, browser, role, staff, belongs: &[&'static str]| {
        subjects.push(Subject { name, browser, role, staff, belongs: belongs.iter().copied().collect() });
    };
    let adam = join(&house, &mut anna, "Adam", "admin").await;
    let dina = join(&house, &mut anna, "Dina", "developer").await;
    let bill = join(&house, &mut anna, "Bill", "billing").await;
    let vera = join(&house, &mut anna, "Vera", "viewer").await;
    alpha.put(Of::Member, "developer", house.op_of(&dina).await.signed_in().unwrap().account);

    let mut bea = house.person("Bea").await;
    let mut beta = organization(&house, &mut bea, "Bea", BETA).await;
    let ben = join(&house, &mut bea, "Ben", "developer").await;
    let ben = house.op_of(&ben).await.signed_in().unwrap().clone();
    beta.put(Of::Member, "developer", ben.account);
    beta.words.push(ben.email);
    let mut gus = house.person("Gus").await;
    let mut gamma = organization(&house, &mut gus, "Gus", GAMMA).await;
    for (owner, organization) in [(&mut bea, &mut beta), (&mut gus, &mut gamma)] {
        let id = crate::passkeys::register(owner, &mut crate::passkeys::device(), "the owner's phone").await;
        organization.put(Of::Passkey, "in use", id);
    }

    // An organization whose only owner is suspended: everything of it rests, and is still nobody else's business.
    let stan = house.staff_as("Stan", StaffRole::Admin).await;
    let op = house.op_of(&stan).await;
    let gus_id = house.op_of(&gus).await.signed_in().unwrap().account;
    portal::staff::suspend(&op, gus_id, "the matrix needs one").await.unwrap();
    let sue = house.staff_as("Sue", StaffRole::Support).await;
    let rita = house.person("Rita").await;
    let rita_id = house.op_of(&rita).await.signed_in().unwrap().account;
    portal::staff::restrict(&op, rita_id, "the matrix needs one").await.unwrap();

    let mut pia = house.browser();
    let signed_up = pia.post(
        "/rpc/accounts/sign_up",
        &[
            ("name", "Pia"),
            ("email", "pia@example.com"),
            ("password", crate::harness::PASSWORD),
            ("terms", contract::policies::TERMS_VERSION),
        ],
    );
    assert_eq!(signed_up.await.status, 200);
    let tried =
        pia.post("/rpc/sessions/sign_in", &[("email", "pia@example.com"), ("password", crate::harness::PASSWORD)]);
    assert_eq!(tried.await.code(), "email_not_verified");

    add("somebody who is not signed in", house.browser(), None, None, &[]);
    add("somebody who is not verified", pia, None, None, &[]);
    add("owner", anna, Some(Role::Owner), None, &[ALPHA]);
    add("admin", adam, Some(Role::Admin), None, &[ALPHA]);
    add("developer", dina, Some(Role::Developer), None, &[ALPHA]);
    add("billing", bill, Some(Role::Billing), None, &[ALPHA]);
    add("viewer", vera, Some(Role::Viewer), None, &[ALPHA]);
    add("owner of another", bea, Some(Role::Owner), None, &[BETA]);
    add("staff, support", sue, Some(Role::Owner), Some(StaffRole::Support), &[]);
    add("staff, admin", stan, Some(Role::Owner), Some(StaffRole::Admin), &[]);
    add("restricted owner", rita, Some(Role::Owner), None, &[]);
    let organizations = BTreeMap::from([(ALPHA, alpha), (BETA, beta), (GAMMA, gamma)]);
    World { house, subjects, organizations }
}

impl World {
    /// Words that this person must not read.
    fn foreign_words(&self, subject: &Subject) -> Vec<String> {
        let foreign = self.organizations.iter().filter(|(name, _)| !subject.belongs.contains(*name));
        foreign.flat_map(|(_, organization)| organization.words.iter().cloned()).collect()
    }

    /// Everything that is stored, but what looking itself leaves behind.
    async fn stored(&self) -> BTreeMap<String, Vec<String>> {
        let mut all = self.house.database.dump().await;
        for moves in ["audit_events", "audit_head", "audit_personal", "ceremonies"] {
            all.remove(moves);
        }
        all
    }
}

/// What somebody is answered who has no right to it; nothing, if they may.
fn expected(subject: &Subject, may: May) -> Result<(), (u16, &'static str)> {
    let Some(role) = subject.role else {
        return if may == Everyone { Ok(()) } else { Err((401, "not_signed_in")) };
    };
    match may {
        Everyone | SignedIn => Ok(()),
        Members(permission) if !role.allows(permission) => Err((403, "not_allowed")),
        Members(permission) if subject.name == "restricted owner" && !permission.only_reads() => {
            Err((403, "account_restricted"))
        }
        Members(_) => Ok(()),
        Staff(permission) => match subject.staff {
            None => Err((404, "not_found")),
            Some(staff) if !staff.allows(permission) => Err((403, "not_allowed")),
            Some(_) => Ok(()),
        },
    }
}

/// Claims: FLOW-61, S002-19, CARD-12
#[tokio::test]
async fn nobody_reads_or_changes_what_is_not_theirs_and_nobody_learns_that_it_is_there() {
    let started = Instant::now();
    let registered = server_functions();
    let known: BTreeSet<&str> = FUNCTIONS.iter().map(|row| row.0).collect();
    assert_eq!(known.len(), FUNCTIONS.len(), "a function stands in the table twice");
    assert_eq!(registered.keys().copied().collect::<BTreeSet<_>>(), known, "say in FUNCTIONS who may");

    let mut world = world().await;
    let mut cells = 0;
    // All of them at once: one hole seldom comes alone.
    let mut problems: Vec<String> = Vec::new();
    let short = |answer: &Answer| format!("{} {}", answer.status, answer.body.chars().take(200).collect::<String>());
    for place in 0..world.subjects.len() {
        let foreign_words = world.foreign_words(&world.subjects[place]);
        for (path, may, field, kind) in FUNCTIONS {
            let method = &registered[path];
            let expected = expected(&world.subjects[place], *may);
            let looks = method == Method::GET;
            // What somebody may do with their own is proved where the verb is; here it would change the world.
            if expected.is_ok() && !looks && *kind == Of::Nothing {
                continue;
            }
            let objects: Vec<(&str, &str, String)> = world
                .organizations
                .iter()
                .flat_map(|(name, organization)| {
                    let of_kind = organization.objects.get(kind).cloned().unwrap_or_default();
                    of_kind.into_iter().map(|(state, id)| (*name, state, id))
                })
                .collect();
            let before = if looks && expected.is_ok() { None } else { Some(world.stored().await) };
            let subject = &mut world.subjects[place];
            let who = format!("{} at {path}", subject.name);
            let none = ask(&mut subject.browser, method, path, field, &nothing(*kind)).await;
            cells += 1;
            match expected {
                Err((status, code)) if is_denied(&none, status, code) => {}
                Err((status, code)) => problems.push(format!("{who}: not {status} {code} but {}", short(&none))),
                Ok(()) if none.status < 500 && !is_denied(&none, 401, "not_signed_in") => {}
                Ok(()) => problems.push(format!("{who}: {}", short(&none))),
            }
            for (organization, state, id) in objects {
                let own = subject.belongs.contains(organization);
                let staff_looks = matches!(may, Staff(_)) && expected.is_ok();
                if (own && expected.is_ok() && !looks) || staff_looks {
                    continue;
                }
                let answer = ask(&mut subject.browser, method, path, field, &id).await;
                cells += 1;
                if (expected.is_err() || !own) && seen(&answer) != seen(&none) {
                    let (this, that) = (short(&answer), short(&none));
                    problems.push(format!("{who}, {state} of {organization}: {this}; of nobody: {that}"));
                }
                if subject.staff.is_none() && foreign_words.iter().any(|word| answer.body.contains(word)) {
                    problems.push(format!("{who} reads what is not theirs: {}", answer.body));
                }
            }
            if subject.staff.is_none() && foreign_words.iter().any(|word| none.body.contains(word)) {
                problems.push(format!("{who} reads what is not theirs: {}", none.body));
            }
            if let Some(before) = before {
                let after = world.stored().await;
                let changed: Vec<&String> = after.keys().filter(|table| after[*table] != before[*table]).collect();
                if !changed.is_empty() {
                    problems.push(format!("{who} changed {changed:?}"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    let subjects = world.subjects.len();
    println!(
        "{cells} cells: {} functions, {subjects} subjects, 3 organizations, in {:?}",
        known.len(),
        started.elapsed()
    );
    assert!(cells > 1_000, "{cells}");
}

/// Claims: FLOW-61, CARD-12
#[tokio::test]
async fn no_page_shows_a_word_of_an_organization_that_its_reader_does_not_belong_to() {
    let mut world = world().await;
    let server::web::Pages { live, served } = server::web::pages();
    let mut cells = 0;
    for place in 0..world.subjects.len() {
        let foreign_words = world.foreign_words(&world.subjects[place]);
        for route in live.iter().chain(&served) {
            let path = PARAMETERS.iter().fold(route.path().to_owned(), |path, (name, value)| path.replace(name, value));
            let mut addresses = Vec::new();
            if path.contains("{id}") {
                let about = if path.starts_with("/console/keys") { Of::Key } else { Of::Account };
                for organization in world.organizations.values() {
                    for (_, id) in &organization.objects[&about] {
                        addresses.push(format!("{}?purpose=help_asked", path.replace("{id}", id)));
                    }
                }
            } else {
                addresses.push(if path.is_empty() { "/".to_owned() } else { path.clone() });
            }
            assert!(addresses.iter().all(|address| !address.contains('{')), "say in PARAMETERS what stands in {path}");
            let subject = &mut world.subjects[place];
            for address in addresses {
                let answer = subject.browser.visit(&address).await;
                cells += 1;
                let who = format!("{} at {address}", subject.name);
                let (console, admin) = (address.starts_with("/console"), address.starts_with("/admin"));
                match (subject.role, subject.staff) {
                    (None, _) if console || admin => assert_eq!(answer.status, 303, "{who}"),
                    (Some(_), None) if admin => assert_eq!(answer.status, 404, "{who}"),
                    _ => assert!(answer.status < 500 && answer.status != 401, "{who}: {answer:?}"),
                }
                if subject.staff.is_none() {
                    let leaked = foreign_words.iter().find(|word| answer.body.contains(*word));
                    assert_eq!(leaked, None, "{who}");
                }
            }
        }
    }
    println!("{cells} pages were read");
}

//! A house with something to do for every form: what is sent is right, by whom it is sent may send it.

use contract::AccountId;
use contract::policies::TERMS_VERSION;
use portal::accounts::{NewAccount, Password};

use crate::forms::{create, sign_up};
use crate::harness::{Browser, House, PASSWORD, system};
use crate::passkeys;

/// What nobody has yet.
pub const NEW_PASSWORD: &str = "seven purple bicycles hum";

/// A form, filled in well.
pub struct Form {
    pub path: &'static str,
    /// Who sends it.
    pub by: Browser,
    fields: Vec<(&'static str, String)>,
    /// Where it leads without a script: how that begins.
    pub leads_to: &'static str,
}

impl Form {
    pub fn fields(&self) -> Vec<(&'static str, &str)> {
        self.fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

/// The house, and its forms. In their order, all of them can be sent one after the other.
pub struct Fixture {
    pub house: House,
    pub forms: Vec<Form>,
    /// Who belongs to the staff.
    pub staff: Browser,
    /// Who has keys, a passkey, recovery codes and more to hide.
    pub ada: Browser,
}

impl Fixture {
    /// The form that is sent to that address.
    pub fn form(&self, path: &str) -> &Form {
        self.forms.iter().find(|form| form.path == path).unwrap_or_else(|| panic!("no form for {path}"))
    }
}

/// The address of somebody of that name.
pub fn address(name: &str) -> String {
    format!("{}@example.com", name.to_lowercase())
}

/// A verified person who is not signed in.
pub async fn account(house: &House, name: &str) -> AccountId {
    let (email, password) = (address(name), Password::new(PASSWORD.to_owned()));
    let new = NewAccount { name: name.to_owned(), email, password, terms: TERMS_VERSION.to_owned() };
    portal::accounts::create_verified(&system(&house.portal), new).await.unwrap()
}

/// Whose address it is, as staff find out.
pub async fn id_of(staff: &mut Browser, email: &str) -> String {
    let found = staff.get(&format!("/rpc/staff/find?query={email}&purpose=help_asked")).await;
    found.json()[0]["id"].as_str().unwrap().to_owned()
}

/// Another session of somebody of that name.
pub async fn another(house: &House, name: &str) -> Browser {
    let mut browser = house.browser();
    browser.sign_in(&address(name)).await;
    browser
}

/// Who is behind a browser.
pub async fn account_of(house: &House, browser: &Browser) -> AccountId {
    house.op_of(browser).await.signed_in().unwrap().account
}

/// Sends a form that must be accepted.
pub async fn send(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) {
    let answer = browser.post(path, fields).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
}

/// Somebody joins the organization in which another works.
pub async fn join(house: &House, owner: &mut Browser, name: &str, role: &str) -> Browser {
    let email = address(name);
    send(owner, "/rpc/organizations/invite", &[("email", &email), ("role", role)]).await;
    let mut browser = house.person(name).await;
    let token = house.token_to(&email, "/invite").await;
    send(&mut browser, "/rpc/organizations/accept_invite", &[("token", &token)]).await;
    browser
}

/// Opens the newest reveal link in somebody's mail.
async fn reveal_newest(house: &House, browser: &mut Browser, email: &str) {
    let token = house.token_to(email, "/reveal").await;
    let page = browser.without_script().post("/reveal", &[("token", &token)]).await;
    assert_eq!(page.status, 200, "{page:?}");
}

/// New recovery codes of the person.
pub async fn recovery_codes(browser: &mut Browser) -> Vec<String> {
    let page = browser.without_script().post("/console/security/recovery-codes", &[]).await;
    assert_eq!(page.status, 200, "{page:?}");
    let is_code = |part: &&str| {
        part.len() == 29 && part.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || byte.is_ascii_uppercase())
    };
    let parts = page.body.split(|c: char| !(c == '-' || c.is_ascii_alphanumeric())).filter(is_code);
    let mut codes: Vec<String> = Vec::new();
    for code in parts {
        if !codes.iter().any(|known| known == code) {
            codes.push(code.to_owned());
        }
    }
    assert_eq!(codes.len(), contract::recovery::RECOVERY_CODES, "{page:?}");
    codes
}

/// A recovery of the account with this address waits.
pub async fn start_recovery(house: &House, email: &str) {
    let mut nobody = house.browser();
    send(&mut nobody, "/rpc/recovery/ask", &[("email", email)]).await;
    let token = house.token_to(email, "/recover").await;
    send(&mut nobody, "/rpc/recovery/start", &[("token", &token)]).await;
}

/// The waiting is over, and the link that completes the recovery is mailed.
pub async fn end_waiting(house: &House) {
    house.database.sql("UPDATE recoveries SET ready_at = 1 WHERE ended_at IS NULL").await;
    assert!(portal::recovery::tell_ready(&system(&house.portal)).await.unwrap() > 0);
}

pub async fn fixture() -> Fixture {
    let house = House::open().await;
    let mut forms = Vec::new();
    let mut form = |by: &Browser, path, fields: &[(&'static str, &str)], leads_to| {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        forms.push(Form { path, by: by.clone(), fields, leads_to });
    };
    let nobody = house.browser();

    // Signing up, and the first link.
    let (mut bea, mut cem, mut lin) = (house.browser(), house.browser(), house.browser());
    let passkey_only = [("name", "Lin"), ("email", "lin@example.com"), ("password", ""), ("terms", TERMS_VERSION)];
    let (bea_form, cem_form) = (sign_up("Bea", "bea@example.com"), sign_up("Cem", "cem@example.com"));
    tokio::join!(
        send(&mut bea, "/rpc/accounts/sign_up", &bea_form),
        send(&mut cem, "/rpc/accounts/sign_up", &cem_form),
        send(&mut lin, "/rpc/accounts/sign_up", &passkey_only),
    );
    let (bea_token, lin_token) = (
        house.token_to("bea@example.com", "/verify-email").await,
        house.token_to("lin@example.com", "/verify-email").await,
    );
    form(&nobody, "/rpc/accounts/sign_up", &sign_up("Dee", "dee@example.com"), "/sign-up/check-your-mail");
    form(
        &nobody,
        "/rpc/accounts/resend_verification",
        &[("email", "cem@example.com")],
        "/sign-up/check-your-mail?sent=yes",
    );
    form(&nobody, "/rpc/accounts/verify_email", &[("token", &bea_token)], "/sign-in?verified=yes");
    form(&nobody, "/rpc/passkeys/start_registration_by_link", &[("token", &lin_token)], "/a-page");
    let asked = passkeys::ask(&mut lin, "start_registration_by_link", &[("token", &lin_token)]).await;
    let answer = passkeys::device().create(&asked.options).unwrap();
    let fields = [("token", lin_token.as_str()), ("ceremony", &asked.ceremony), ("credential", &answer)];
    form(&nobody, "/rpc/passkeys/finish_registration_by_link", &fields, "/a-page");

    // Keys.
    let mut ada = house.person("Ada").await;
    let (first, second) = (create(&mut ada, "first").await, create(&mut ada, "second").await);
    let reveal = house.token_to("ada@example.com", "/reveal").await;
    form(
        &ada,
        "/rpc/keys/create",
        &[("label", "third"), ("environment", "test"), ("form_token", "one form"), ("expires_at", "2099-01-31T18:30")],
        "/console/keys?created=key_",
    );
    form(&ada, "/rpc/keys/send_reveal_link", &[("id", &first)], "/console/keys?sent=key_");
    form(&ada, "/reveal", &[("token", &reveal)], "");
    form(&ada, "/rpc/keys/revoke", &[("id", &second)], "/console/keys");
    let mut kay = house.person("Kay").await;
    let rotating = create(&mut kay, "rotating").await;
    reveal_newest(&house, &mut kay, "kay@example.com").await;
    let rotated = create(&mut kay, "rotated").await;
    reveal_newest(&house, &mut kay, "kay@example.com").await;
    let overlap = [("id", rotated.as_str()), ("overlap_days", "7"), ("starts", "now")];
    send(&mut kay, "/rpc/keys/rotate", &overlap).await;
    reveal_newest(&house, &mut kay, "kay@example.com").await;
    let terms = [("id", rotating.as_str()), ("label", "nightly"), ("expires_at", "2099-01-31T18:30")];
    form(&kay, "/rpc/keys/change_terms", &terms, "/console/keys/key_");
    let overlap = [("id", rotating.as_str()), ("overlap_days", "7"), ("starts", "first_use")];
    form(&kay, "/rpc/keys/rotate", &overlap, "/console/keys/key_");
    form(&kay, "/rpc/keys/retire", &[("id", &rotated)], "/console/keys/key_");

    // Access tokens.
    let typed = contract::access_tokens::TypedToken {
        name: "Old".to_owned(),
        scopes: "keys:read".to_owned(),
        days: "7".to_owned(),
    };
    let old = portal::access_tokens::create(&house.op_of(&kay).await, &typed).await.unwrap().token.id.to_string();
    form(&kay, "/console/tokens", &[("name", "Deployment"), ("scopes", "keys:read"), ("days", "30")], "");
    form(&kay, "/rpc/access_tokens/revoke", &[("id", &old)], "/console/tokens?done=revoked");

    // A password, a name, an address.
    let sam = house.person("Sam").await;
    let mut sams = sam.clone();
    send(&mut sams, "/rpc/accounts/ask_email_change", &[("email", "samuel@example.com")]).await;
    let confirm = house.token_to("sam@example.com", "/confirm-email").await;
    form(&sam, "/rpc/accounts/change_name", &[("name", "Samuel")], "/console/security?done=name");
    form(&nobody, "/rpc/accounts/confirm_email", &[("token", &confirm)], "/confirm-email?done=waiting");
    form(&sam, "/rpc/accounts/cancel_email_change", &[], "/console/security?done=email_cancelled");
    form(
        &sam,
        "/rpc/accounts/ask_email_change",
        &[("email", "sam.new@example.com")],
        "/console/security?done=email_asked",
    );
    form(&sam, "/rpc/accounts/set_password", &[("password", NEW_PASSWORD)], "/console/security?done=password");
    form(&sam, "/rpc/sessions/end_others", &[], "/console/security?done=sessions_ended");
    account(&house, "Rob").await;
    send(&mut nobody.clone(), "/rpc/accounts/ask_reset", &[("email", "rob@example.com")]).await;
    let reset = house.token_to("rob@example.com", "/reset-password").await;
    form(&nobody, "/rpc/accounts/ask_reset", &[("email", "rob@example.com")], "/lost-access?sent=reset");
    form(
        &nobody,
        "/rpc/accounts/reset_password",
        &[("token", &reset), ("password", NEW_PASSWORD)],
        "/sign-in?done=reset",
    );

    // Passkeys.
    let (mut pam, mut phone, mut laptop) = (house.person("Pam").await, passkeys::device(), passkeys::device());
    passkeys::register(&mut pam, &mut phone, "Phone").await;
    assert_eq!(passkeys::step_up(&mut pam, &mut phone).await.status, 200);
    let laptop_id = passkeys::register(&mut pam, &mut laptop, "Laptop").await;
    form(
        &pam,
        "/rpc/passkeys/rename",
        &[("id", &laptop_id), ("name", "Old laptop")],
        "/console/security?done=passkey_renamed",
    );
    form(&pam, "/rpc/passkeys/remove", &[("id", &laptop_id)], "/console/security?done=passkey_removed");
    form(&pam, "/rpc/passkeys/start_registration", &[], "/a-page");
    let asked = passkeys::ask(&mut pam, "start_registration", &[]).await;
    let answer = passkeys::device().create(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", &answer), ("name", "Key ring")];
    form(&pam, "/rpc/passkeys/finish_registration", &fields, "/a-page");
    form(&pam, "/rpc/accounts/remove_password", &[], "/console/security?done=password_removed");
    form(&nobody, "/rpc/passkeys/start_sign_in", &[], "/a-page");
    let asked = passkeys::ask(&mut nobody.clone(), "start_sign_in", &[]).await;
    let answer = phone.get(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", &answer), ("next", "/console")];
    form(&nobody, "/rpc/passkeys/finish_sign_in", &fields, "/a-page");
    form(&pam, "/rpc/passkeys/start_step_up", &[], "/a-page");
    let asked = passkeys::ask(&mut pam, "start_step_up", &[]).await;
    let answer = phone.get(&asked.options).unwrap();
    let fields = [("ceremony", asked.ceremony.as_str()), ("credential", &answer), ("next", "/console")];
    form(&pam, "/rpc/passkeys/finish_step_up", &fields, "/a-page");

    // Recovery.
    for name in ["Rod", "Fin", "Can"] {
        account(&house, name).await;
    }
    let mut rex = house.person("Rex").await;
    let codes = recovery_codes(&mut rex).await;
    start_recovery(&house, "fin@example.com").await;
    end_waiting(&house).await;
    start_recovery(&house, "can@example.com").await;
    start_recovery(&house, "rex@example.com").await;
    send(&mut nobody.clone(), "/rpc/recovery/ask", &[("email", "rod@example.com")]).await;
    let (start, finish, cancel) = (
        house.token_to("rod@example.com", "/recover").await,
        house.token_to("fin@example.com", "/recover/finish").await,
        house.token_to("can@example.com", "/recover/cancel").await,
    );
    form(&nobody, "/rpc/recovery/ask", &[("email", "rod@example.com")], "/lost-access?sent=recovery");
    form(&nobody, "/rpc/recovery/start", &[("token", &start)], "/recover?started=yes");
    form(&nobody, "/rpc/recovery/finish", &[("token", &finish), ("password", NEW_PASSWORD)], "/sign-in?done=recovered");
    form(&nobody, "/rpc/recovery/cancel", &[("token", &cancel)], "/recover/cancel?done=yes");
    form(&rex, "/rpc/recovery/cancel_mine", &[], "/console/security?done=recovery_cancelled");
    let fields = [("email", "rex@example.com"), ("code", &codes[0]), ("next", "")];
    form(&nobody, "/rpc/sessions/sign_in_with_code", &fields, "/console/security");
    form(&rex, "/console/security/recovery-codes/file", &[("codes", &codes.join(" "))], "");
    form(&rex, "/rpc/sessions/confirm_with_code", &[("code", &codes[1]), ("next", "/console/keys")], "/console/keys");

    // Organizations.
    let mut ola = house.person("Ola").await;
    send(&mut ola, "/rpc/organizations/create", &[("name", "Team")]).await;
    let contact = [("name", "Team"), ("contact_email", "contact@example.com"), ("country", "PT")];
    send(&mut ola, "/rpc/organizations/change", &contact).await;
    let contact_token = house.token_to("contact@example.com", "/verify-contact").await;
    let max = account_of(&house, &join(&house, &mut ola, "Max", "developer").await).await.to_string();
    let mia = account_of(&house, &join(&house, &mut ola, "Mia", "viewer").await).await.to_string();
    let leo = join(&house, &mut ola, "Leo", "billing").await;
    let amy = house.person("Amy").await;
    for email in ["amy@example.com", "dan@example.com", "eli@example.com"] {
        send(&mut ola, "/rpc/organizations/invite", &[("email", email), ("role", "viewer")]).await;
    }
    let invites = portal::organizations::read(&house.op_of(&ola).await).await.unwrap();
    let eli = invites.invites.iter().find(|invite| invite.email == "eli@example.com").unwrap().id.to_string();
    let dan = house.token_to("dan@example.com", "/invite").await;
    let invited = house.token_to("amy@example.com", "/invite").await;
    // Whoever goes elsewhere goes with a new session.
    let own = house.organization_of(&ada).await.0.to_string();
    form(&another(&house, "Ada").await, "/rpc/organizations/switch", &[("id", &own)], "/console");
    form(
        &another(&house, "Amy").await,
        "/rpc/organizations/accept_invite",
        &[("token", &invited)],
        "/console/organization?done=joined",
    );
    form(&nobody, "/rpc/organizations/decline_invite", &[("token", &dan)], "/invite?done=declined");
    form(
        &ola,
        "/rpc/organizations/invite",
        &[("email", "new@example.com"), ("role", "admin")],
        "/console/organization?done=invited",
    );
    form(&ola, "/rpc/organizations/revoke_invite", &[("id", &eli)], "/console/organization?done=invite_revoked");
    let adas = [("name", "Ada"), ("contact_email", "ada.contact@example.com"), ("country", "")];
    send(&mut ada, "/rpc/organizations/change", &adas).await;
    form(&ada, "/rpc/organizations/send_contact_link", &[], "/console/organization?done=contact_asked");
    form(&nobody, "/rpc/organizations/verify_contact", &[("token", &contact_token)], "/verify-contact?done=yes");
    let fields = [("name", "The team"), ("contact_email", "contact@example.com"), ("country", "DE")];
    form(&ola, "/rpc/organizations/change", &fields, "/console/organization?done=changed");
    form(
        &ola,
        "/rpc/organizations/change_role",
        &[("account", &max), ("role", "admin")],
        "/console/organization?done=role",
    );
    form(&ola, "/rpc/organizations/remove", &[("account", &mia)], "/console/organization?done=removed");
    form(&leo, "/rpc/organizations/leave", &[], "/console/organization?done=left");
    form(&ola, "/rpc/organizations/hand_over", &[("account", &max)], "/console/organization?done=handed_over");
    form(
        &another(&house, "Amy").await,
        "/rpc/organizations/create",
        &[("name", "Amy and friends")],
        "/console/organization?done=created",
    );

    // Signing in, confirming, and out again.
    let mut cora = house.person("Cora").await;
    cora.sign_in("cora@example.com").await;
    let sessions = cora.get("/rpc/sessions/list").await.json();
    let other = sessions.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    form(
        &cora,
        "/rpc/sessions/end_one",
        &[("id", other["id"].as_str().unwrap())],
        "/console/security?done=session_ended",
    );
    form(&cora, "/rpc/sessions/confirm", &[("password", PASSWORD), ("next", "/console/keys")], "/console/keys");
    let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("next", "/console")];
    form(&nobody, "/rpc/sessions/sign_in", &fields, "/console");
    form(&ada, "/rpc/theme/set", &[("theme", "dark")], "/a-page");
    form(&amy, "/console/security/recovery-codes", &[], "");
    form(&another(&house, "Leo").await, "/rpc/sessions/sign_out", &[], "/sign-in");

    // The operator's desk.
    let mut staff = house.staff("Olga").await;
    let (rik, gil) = (account(&house, "Rik").await.to_string(), account(&house, "Gil").await.to_string());
    let cem = id_of(&mut staff, "cem@example.com").await;
    house.database.sql("UPDATE accounts SET state = 'restricted' WHERE email = 'gil@example.com'").await;
    let look = [("reason", "Keys stood in public code."), ("purpose", "abuse")];
    for (path, id) in [("/rpc/staff/restrict", &rik), ("/rpc/staff/suspend", &rik), ("/rpc/staff/restore", &gil)] {
        form(&staff, path, &[("id", id), look[0], look[1]], "/admin/accounts/");
    }
    form(&staff, "/rpc/staff/resend_verification", &[("id", &cem), ("purpose", "help_asked")], "/admin/accounts/");

    // APIs, their plans, and who has which.
    let (olga, tides) = (house.op_of(&staff).await, "https://tides.example.com");
    for slug in ["tides", "gone", "shut"] {
        portal::apis::create(&olga, slug, slug, tides).await.unwrap();
    }
    portal::apis::close(&olga, "shut").await.unwrap();
    let mut plans = Vec::new();
    for (name, approval) in [("Plus", "automatic"), ("Pro", "manual"), ("Old", "manual"), ("Shut", "manual")] {
        let (name, approval, audience) = (name.to_owned(), approval.to_owned(), "everybody".to_owned());
        let (quota_units, quota_period) = ("1000".to_owned(), "month".to_owned());
        let plan = portal::plans::NewPlan { name, approval, audience, quota_units, quota_period, ..<_>::default() };
        plans.push(portal::plans::create(&olga, "tides", plan).await.unwrap());
    }
    let asked = async |browser: &Browser, plan: usize| {
        let op = house.op_of(browser).await;
        portal::subscriptions::request(&op, plans[plan], "").await.unwrap().to_string()
    };
    let (left, overridden) = (asked(&kay, 0).await, asked(&rex, 0).await);
    let (approved, rejected) = (asked(&sam, 1).await, asked(&pam, 1).await);
    portal::plans::close(&olga, plans[3]).await.unwrap();
    let (plus, pro, old, shut) =
        (plans[0].to_string(), plans[1].to_string(), plans[2].to_string(), plans[3].to_string());
    let fields = [("slug", "sun"), ("name", "Sun"), ("upstream_url", "https://sun.example.com")];
    form(&staff, "/rpc/apis/create", &fields, "/admin/apis/sun?done=created");
    let fields = [
        ("slug", "tides"),
        ("name", "Tides"),
        ("upstream_url", "https://tides.example.com/v2"),
        ("timeout_ms", "5000"),
        ("body_max_bytes", "1048576"),
        ("log_mode", "required"),
        ("environments", "both"),
    ];
    form(&staff, "/rpc/apis/change", &fields, "/admin/apis/tides?done=changed");
    let fields = [
        ("slug", "tides"),
        ("caller_kind", "server"),
        ("ip_policy", "truncated"),
        ("ua_policy", "none"),
        ("log_level", "full"),
        ("retention_days", "30"),
    ];
    form(&staff, "/rpc/apis/change_privacy", &fields, "/admin/apis/tides?done=privacy");
    let document = "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Tides\"},\"paths\":{}}";
    form(&staff, "/admin/apis/tides", &[("openapi", document)], "/admin/apis/tides?done=document");
    form(
        &staff,
        "/rpc/apis/change_recovery",
        &[("slug", "tides"), ("recovery", "on")],
        "/admin/apis/tides?done=recovery",
    );
    let row = format!("{},From before,kay@example.com,live", "5a".repeat(32));
    let fields = [
        ("prefix", "old_"),
        ("length_min", "28"),
        ("length_max", "32"),
        ("alphabet", "base62"),
        ("rows", row.as_str()),
    ];
    form(&staff, "/admin/imports", &fields, "/admin/imports/imp_");
    let fields = [("api", "tides"), ("leak_policy", "rotate"), ("leak_overlap_days", "3")];
    form(&staff, "/rpc/leaks/change_terms", &fields, "/admin/apis/tides?done=leaks");
    form(&nobody, "/leak-check", &[("secret", "cs_live_something"), ("wish", "look")], "");

    // Keys of others, and a label of one's own.
    let forbidden = create(&mut kay, "forbidden").await;
    let leaked = create(&mut kay, "leaked").await;
    reveal_newest(&house, &mut kay, "kay@example.com").await;
    let fields = [("id", forbidden.as_str()), ("reason", "It sends spam."), ("purpose", "abuse")];
    form(&staff, "/rpc/keys/desk_revoke", &fields, "/admin/keys/key_");
    let fields =
        [("id", leaked.as_str()), ("overlap_days", "3"), ("reason", "It was seen."), ("purpose", "help_asked")];
    form(&staff, "/rpc/keys/desk_rotate", &fields, "/admin/keys/key_");
    let renamed = create(&mut kay, "renamed").await;
    send(&mut kay, "/rpc/keys/change_terms", &[("id", &renamed), ("label", "oops")]).await;
    let newest = "SELECT CAST(max(seq) AS text) FROM audit_events WHERE action = 'key.changed'".to_owned();
    let event = house.database.texts(newest, 1).await[0][0].clone();
    form(&kay, "/rpc/keys/restore_label", &[("id", &renamed), ("event", &event)], "/console/keys/key_");
    form(&staff, "/rpc/apis/close", &[("slug", "gone")], "/admin/apis/gone?done=closed");
    form(&staff, "/rpc/apis/reopen", &[("slug", "shut")], "/admin/apis/shut?done=reopened");
    let fields = [
        ("slug", "tides"),
        ("name", "Free"),
        ("limit_requests", "60"),
        ("limit_seconds", "60"),
        ("approval", "automatic"),
        ("audience", "everybody"),
    ];
    form(&staff, "/rpc/plans/save", &fields, "/admin/apis/tides?done=plan_created");
    form(&staff, "/rpc/plans/close", &[("slug", "tides"), ("plan", &old)], "/admin/apis/tides?done=plan_closed");
    form(&staff, "/rpc/plans/reopen", &[("slug", "tides"), ("plan", &shut)], "/admin/apis/tides?done=plan_reopened");
    let of_sam = house.organization_of(&sam).await.0.to_string();
    let fields = [("id", of_sam.as_str()), ("limit_requests", "600"), ("limit_seconds", "60")];
    form(&staff, "/rpc/organizations/change_limit", &fields, "/admin/organizations/");
    let of_cora = house.organization_of(&cora).await.0.to_string();
    let fields = [("organization", of_cora.as_str()), ("plan", &plus)];
    form(&staff, "/rpc/subscriptions/give", &fields, "/admin/organizations/");
    let fields = [("slug", "tides"), ("plan", pro.as_str())];
    form(&ada, "/rpc/subscriptions/request", &fields, "/console/apis/tides?done=asked");
    let of = |id| [("slug", "tides"), ("id", id)];
    form(&kay, "/rpc/subscriptions/leave", &of(&left), "/console/apis/tides?done=left");
    form(&staff, "/rpc/subscriptions/approve", &of(&approved), "/admin/apis/tides?done=approved");
    let fields = [("slug", "tides"), ("id", rejected.as_str()), ("reason", "Say what for.")];
    form(&staff, "/rpc/subscriptions/reject", &fields, "/admin/apis/tides?done=rejected");
    let fields = [("slug", "tides"), ("id", overridden.as_str()), ("requests", "5"), ("seconds", "1")];
    form(&staff, "/rpc/subscriptions/change_overrides", &fields, "/admin/apis/tides?done=overridden");
    let fields = [
        ("slug", "tides"),
        ("id", overridden.as_str()),
        ("extra_units", "500"),
        ("reason", "A fair."),
        ("expires_at", "2099-01-31T18:30"),
    ];
    form(&staff, "/rpc/subscriptions/top_up", &fields, "/admin/apis/tides?done=topped_up");
    Fixture { house, forms, staff, ada }
}

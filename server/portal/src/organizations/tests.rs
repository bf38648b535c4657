#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::keys::KeyState;
use contract::organizations::CurrentOrganization;
use contract::organizations::Organization;
use contract::{FieldProblem, InviteId};

use super::*;
use crate::privacy::retention::{self, Mode};
use crate::testing::{self, Dice, TestPortal, at, new_key, refusal, start};
use crate::{SignedIn, keys};

const ROLES: [Role; 5] = Role::ALL;

/// Somebody who was never here.
const STRANGER: &str = "stranger@elsewhere.example";

/// A minute after the start: everybody is signed in, and proved who they are a moment ago.
fn soon() -> DateTime<Utc> {
    at(TimeDelta::minutes(1))
}

impl TestPortal {
    /// The person at work in an organization, having proved who they are at this very moment.
    async fn in_organization(&self, person: &SignedIn, organization: OrganizationId, now: DateTime<Utc>) -> Op {
        let organization = current(self.portal.db().read(), organization, person.account).await.unwrap().unwrap();
        self.claiming(person, organization, now)
    }

    /// The same, believing what they say of the organization: as a request that began before something was changed.
    fn claiming(&self, person: &SignedIn, organization: CurrentOrganization, now: DateTime<Utc>) -> Op {
        self.op(&SignedIn { organization, authenticated_at: now.timestamp_millis(), ..person.clone() }, now)
    }

    /// A new organization of the person.
    async fn team(&self, owner: &SignedIn, name: &str) -> OrganizationId {
        create(&self.op(owner, soon()), name).await.unwrap()
    }

    /// Lets somebody join through the doors: invited by that person, and accepted.
    async fn join(&self, organization: OrganizationId, by: &SignedIn, who: &SignedIn, role: Role, now: DateTime<Utc>) {
        invite(&self.in_organization(by, organization, now).await, &who.email, role.word()).await.unwrap();
        let token = self.invite_token(&who.email).await;
        accept_invite(&self.op(who, now), Invitation::Link(&token)).await.unwrap();
    }

    /// Who belongs to an organization, as its owner's page shows it.
    async fn roles(&self, organization: OrganizationId) -> BTreeMap<AccountId, Role> {
        let members = members::Entity::find()
            .filter(members::COLUMN.organization_id.eq(organization.uuid()))
            .all(self.portal.db().read())
            .await
            .unwrap();
        members.into_iter().map(|member| (AccountId::new(member.account_id), member.role())).collect()
    }

    /// Puts an account into a state, as staff do, and tells who must know.
    async fn put_into(&self, person: &SignedIn, state: &str) {
        let op = self.system(soon());
        let turn = op.portal.change_key().await;
        let tx = op.begin().await.unwrap();
        accounts::table::Entity::update_many()
            .col_expr(accounts::table::Column::State, Expr::value(state))
            .filter(accounts::table::COLUMN.id.eq(person.account.uuid()))
            .exec(&tx)
            .await
            .unwrap();
        let standings = standing::state_changed(&tx, person.account).await.unwrap();
        standing::commit(&op, tx, turn, News { standings, ..News::default() }).await.unwrap();
    }

    async fn everything(&self) -> String {
        format!("{:?}", self.dump().await)
    }

    /// The token of the open invitation for an address: there is one at most, since a mail goes with its invitation.
    async fn invite_token(&self, email: &str) -> String {
        let mails = self.mails_to(email).await;
        let links: Vec<_> = mails.iter().flat_map(|mail| &mail.links).collect();
        let tokens: Vec<_> = links.iter().filter_map(|link| link.split_once("/invite?token=")).collect();
        assert_eq!(tokens.len(), 1, "{links:?}");
        tokens[0].1.to_owned()
    }

    /// Whether the person has a mail with this in its subject and that in its text.
    async fn was_told(&self, person: &SignedIn, subject: &str, text: &str) -> bool {
        let mails = self.mails_to(&person.email).await;
        mails.iter().any(|mail| mail.subject.contains(subject) && mail.text.contains(text))
    }

    /// The actions in the audit log of an organization, by word.
    async fn audited(&self, organization: OrganizationId) -> Vec<&'static str> {
        let anybody = self.op_of_anybody(organization);
        let page = audit_log::list(&anybody, crate::Scope::Organization, &audit_log::Filter::default(), None).await;
        let mut words: Vec<_> = page.unwrap().items.into_iter().map(|event| event.action.word()).collect();
        words.sort_unstable();
        words
    }

    /// An operation of an owner of the organization who never signed in.
    fn op_of_anybody(&self, organization: OrganizationId) -> Op {
        let nobody = SignedIn {
            session: contract::SessionId::new(uuid::Uuid::nil()),
            account: AccountId::new(uuid::Uuid::nil()),
            name: String::new(),
            email: String::new(),
            organization: CurrentOrganization { id: organization, name: String::new(), role: Role::Owner },
            staff: None,
            state: contract::accounts::AccountState::Active,
            state_reason: None,
            factor: contract::sessions::Factor::Password,
            authenticated_at: 0,
        };
        self.op(&nobody, soon())
    }
}

/// Does the same many times at the same moment.
async fn at_once<T, F>(times: usize, one: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let running: Vec<_> = (0..times).map(|number| tokio::spawn(one(number))).collect();
    let mut answers = Vec::new();
    for one in running {
        answers.push(one.await.unwrap());
    }
    answers
}

fn details(name: &str, contact: &str, country: &str) -> NewDetails {
    NewDetails { name: name.to_owned(), contact_email: contact.to_owned(), country: country.to_owned() }
}

fn problem<T: std::fmt::Debug>(result: Result<T>) -> (String, Problem) {
    match refusal(result) {
        Refusal::InvalidInput { fields } => {
            let [FieldProblem { field, problem }] = &fields[..] else { panic!("{fields:?}") };
            (field.clone(), *problem)
        }
        other => panic!("{other:?}"),
    }
}

/// Claims: FLOW-03
#[tokio::test]
async fn who_creates_an_organization_owns_it_and_works_in_it() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (token, ada) = test.sign_in(&ada.email, soon()).await;
    let own = ada.organization.id;
    let op = test.op(&ada, soon());
    let id = create(&op, "  Northwind  ").await.unwrap();
    // What the session may do has changed, and so has its token.
    assert!(sessions::resume(&test.portal, token.reveal(), soon()).await.unwrap().is_none());
    let now = sessions::resume(&test.portal, op.handed().unwrap().reveal(), soon()).await.unwrap().unwrap();
    assert_eq!(now.organization, CurrentOrganization { id, name: "Northwind".to_owned(), role: Role::Owner });
    let me = accounts::me(&test.op(&now, soon())).await.unwrap();
    assert_eq!(me.organizations.iter().map(|one| one.id).collect::<Vec<_>>(), [own, id]);

    let op = test.op(&now, soon());
    switch(&op, own).await.unwrap();
    let now = sessions::resume(&test.portal, op.handed().unwrap().reveal(), soon()).await.unwrap().unwrap();
    assert_eq!(now.organization.id, own);
    assert_eq!(problem(create(&test.op(&ada, soon()), " ").await), ("name".to_owned(), Problem::Empty));
    assert_eq!(refusal(create(&test.anonymous(soon()), "Northwind").await), Refusal::NotSignedIn);
    assert_eq!(test.audited(id).await, ["organization.created"]);
}

#[tokio::test]
async fn nobody_owns_more_than_twenty_organizations_even_at_the_same_moment() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let op = test.op(&ada, soon());
    let created = at_once(25, |number| {
        let op = op.clone();
        async move { create(&op, &format!("Team {number}")).await }
    })
    .await;
    assert_eq!(created.iter().filter(|one| one.is_ok()).count(), 20);
    for one in created.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(one), Refusal::TooMany { max: 20 });
    }
}

#[tokio::test]
async fn a_session_works_only_for_organizations_of_its_person() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let team = test.team(&ada, "Northwind").await;
    let mut endings = test.portal.endings();
    for id in [team, ada.organization.id, OrganizationId::new(uuid::Uuid::from_u128(7))] {
        assert_eq!(refusal(switch(&test.op(&bob, soon()), id).await), Refusal::NotFound);
    }
    assert!(endings.try_recv().is_err());
    test.join(team, &ada, &bob, Role::Viewer, soon()).await;
    assert_eq!(endings.try_recv().unwrap(), bob.session, "what showed the other organization stays open");
    switch(&test.op(&bob, soon()), bob.organization.id).await.unwrap();
    assert_eq!(endings.try_recv().unwrap(), bob.session);
}

/// Claims: FLOW-47, FLOW-61
#[tokio::test]
async fn only_owners_and_admins_change_what_an_organization_says_of_itself() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let team = test.team(&ada, "Northwind").await;
    let bob = test.sign_up_and_verify("Bob").await;
    test.join(team, &ada, &bob, Role::Viewer, soon()).await;
    for role in ROLES {
        change_role(&test.in_organization(&ada, team, soon()).await, bob.account, role.word()).await.unwrap();
        let op = test.in_organization(&bob, team, soon()).await;
        let changed = change(&op, details(&format!("By {}", role.word()), "", "DE")).await;
        if matches!(role, Role::Owner | Role::Admin) {
            changed.unwrap();
        } else {
            assert_eq!(refusal(changed), Refusal::NotAllowed, "{role:?}");
        }
    }
    let page = read(&test.in_organization(&bob, team, soon()).await).await.unwrap();
    assert_eq!((page.organization.name.as_str(), page.organization.country.as_deref()), ("By admin", Some("DE")));
    assert!(!page.organization.personal && page.invites.is_empty());
    assert_eq!(
        page.members.iter().map(|one| (one.account, one.is_you)).collect::<Vec<_>>(),
        [(ada.account, false), (bob.account, true)]
    );

    let op = test.in_organization(&ada, team, soon()).await;
    assert_eq!(problem(change(&op, details("Northwind", "", "XX")).await).1, Problem::NotAChoice);
    assert_eq!(problem(change(&op, details("North\nwind", "", "")).await).1, Problem::Invisible);
    assert_eq!(problem(change(&op, details("Northwind", "nowhere", "")).await).1, Problem::NotAnEmail);
    change(&op, details("Northwind", "", "")).await.unwrap();
    assert_eq!(read(&op).await.unwrap().organization.country, None);
}

/// Claims: FLOW-04
#[tokio::test]
async fn a_contact_address_is_no_sign_in_address_and_counts_once_it_is_verified() {
    const CONTACT: &str = "apis@northwind.example";
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let team = test.team(&ada, "Northwind").await;
    let op = test.in_organization(&ada, team, soon()).await;
    let shown = async || {
        let organization: Organization = read(&op).await.unwrap().organization;
        (organization.contact_email, organization.contact_verified)
    };
    let refused = change(&op, details("Northwind", "ADA@example.com", "")).await;
    assert_eq!(problem(refused), ("contact_email".to_owned(), Problem::SignInAddress));
    assert_eq!(refusal(send_contact_link(&op).await), Refusal::StateConflict);

    change(&op, details("Northwind", CONTACT, "")).await.unwrap();
    assert_eq!(shown().await, (Some(CONTACT.to_owned()), false));
    let first = test.newest_token(CONTACT).await;
    send_contact_link(&Op { now: soon() + TimeDelta::seconds(1), ..op.clone() }).await.unwrap();
    let second = test.newest_token(CONTACT).await;
    let anyone = |after| test.anonymous(soon() + after);
    assert_eq!(refusal(verify_contact(&anyone(TimeDelta::zero()), &first).await), Refusal::LinkUnknown);
    assert_eq!(
        refusal(verify_contact(&anyone(TimeDelta::hours(24) + TimeDelta::seconds(1)), &second).await),
        Refusal::LinkExpired
    );
    assert!(!shown().await.1);
    verify_contact(&anyone(TimeDelta::hours(1)), &second).await.unwrap();
    assert_eq!(shown().await, (Some(CONTACT.to_owned()), true));
    assert_eq!(refusal(verify_contact(&anyone(TimeDelta::hours(2)), &second).await), Refusal::LinkUsed);
    assert_eq!(refusal(send_contact_link(&op).await), Refusal::StateConflict);

    // Another name leaves it as it is, another address does not, and its old link leads nowhere.
    change(&op, details("Northwind APIs", "APIs@northwind.example", "")).await.unwrap();
    assert!(shown().await.1);
    change(&op, details("Northwind APIs", "other@northwind.example", "")).await.unwrap();
    assert_eq!(shown().await, (Some("other@northwind.example".to_owned()), false));
    let third = test.newest_token("other@northwind.example").await;
    change(&op, details("Northwind APIs", "", "")).await.unwrap();
    assert_eq!(shown().await, (None, false));
    assert_eq!(refusal(verify_contact(&anyone(TimeDelta::hours(1)), &third).await), Refusal::LinkUnknown);
}

/// Claims: MAST-22
#[tokio::test]
async fn the_gateway_learns_the_new_name_of_an_organization_with_every_key() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (kept, _) = test.revealed_key(&ada, "Kept", at(TimeDelta::seconds(10))).await;
    let (revoked, _) = test.revealed_key(&ada, "Revoked", at(TimeDelta::seconds(20))).await;
    keys::revoke(&test.op(&ada, soon()), revoked.id).await.unwrap();
    keys::create(&test.op(&ada, soon()), new_key("Never revealed")).await.unwrap();
    test.watcher.take();

    let op = test.op(&ada, soon());
    change(&op, details("Northwind", "", "")).await.unwrap();
    let mut told: Vec<_> = test
        .watcher
        .take()
        .into_iter()
        .map(|record| (record.caller.key, record.caller.organization_name, record.state))
        .collect();
    told.sort_by_key(|one| one.0);
    assert_eq!(
        told,
        [(kept.id, "Northwind".to_owned(), KeyState::Active), (revoked.id, "Northwind".to_owned(), KeyState::Revoked)]
    );
    change(&op, details("Northwind", "", "FR")).await.unwrap();
    assert_eq!(test.watcher.take(), [], "nothing that the gateway knows was changed");
}

/// Claims: FLOW-07
#[tokio::test]
async fn an_invitation_lets_exactly_the_invited_address_in_once() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let eve = test.sign_up_and_verify("Eve").await;
    let team = test.team(&ada, "Northwind").await;
    // However it is written.
    invite(&test.in_organization(&ada, team, soon()).await, "BOB@example.com", "developer").await.unwrap();
    let token = test.invite_token("BOB@example.com").await;
    let link = Invitation::Link(&token);
    assert_eq!(refusal(accept_invite(&test.anonymous(soon()), link).await), Refusal::NotSignedIn);
    assert_eq!(refusal(accept_invite(&test.op(&eve, soon()), link).await), Refusal::InviteForAnother);
    assert_eq!(test.roles(team).await.len(), 1);
    assert_eq!(refusal(accept_invite(&test.op(&bob, soon()), Invitation::Link("nothing")).await), Refusal::LinkUnknown);

    let (session, bob) = test.sign_in(&bob.email, soon()).await;
    let op = test.op(&bob, soon());
    assert_eq!(accept_invite(&op, link).await.unwrap(), team);
    assert_eq!(test.roles(team).await[&bob.account], Role::Developer);
    assert!(sessions::resume(&test.portal, session.reveal(), soon()).await.unwrap().is_none());
    let now = sessions::resume(&test.portal, op.handed().unwrap().reveal(), soon()).await.unwrap().unwrap();
    assert_eq!(now.organization.id, team);
    assert_eq!(test.count("invites").await, 0);
    assert!(!test.everything().await.contains("BOB@example.com"), "the address stands somewhere");
    for person in [&bob, &eve] {
        assert_eq!(refusal(accept_invite(&test.op(person, soon()), link).await), Refusal::LinkUsed);
    }
    assert_eq!(refusal(invite_offer(&test.anonymous(soon()), &token).await), Refusal::LinkUsed);
    assert!(test.was_told(&ada, "Bob joined Northwind", "bob@example.com").await);
    assert_eq!(test.audited(team).await, ["member.invited", "member.joined", "organization.created"]);
}

/// Claims: FLOW-07
#[tokio::test]
async fn of_many_who_accept_the_same_invitation_at_the_same_moment_one_succeeds() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let team = test.team(&ada, "Northwind").await;
    invite(&test.in_organization(&ada, team, soon()).await, &bob.email, "viewer").await.unwrap();
    let token = test.invite_token(&bob.email).await;
    let op = test.op(&bob, soon());
    let answers = at_once(8, |_| {
        let (op, token) = (op.clone(), token.clone());
        async move { accept_invite(&op, Invitation::Link(&token)).await }
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for answer in answers.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(answer), Refusal::LinkUsed);
    }
    assert_eq!(test.roles(team).await.len(), 2);
    assert_eq!(test.audited(team).await, ["member.invited", "member.joined", "organization.created"]);
}

/// Claims: FLOW-07, FLOW-56
#[tokio::test]
async fn an_invitation_is_refused_after_seven_days_and_its_address_is_erased() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let team = test.team(&ada, "Northwind").await;
    let op = test.in_organization(&ada, team, soon()).await;
    invite(&op, &bob.email, "viewer").await.unwrap();
    let id = invite(&op, STRANGER, "viewer").await.unwrap();
    let (token, stranger) = (test.invite_token(&bob.email).await, test.invite_token(STRANGER).await);
    let end = soon() + TimeDelta::days(7);
    let before = end - TimeDelta::milliseconds(1);
    retention::run(&test.system(before), Mode::Erase).await.unwrap();
    assert!(invite_offer(&test.anonymous(before), &token).await.is_ok());
    assert_eq!(my_invites(&test.op(&bob, before)).await.unwrap().len(), 1);

    // The job did not run yet.
    let answers = async |answer: Refusal| {
        for token in [&token, &stranger] {
            assert_eq!(refusal(invite_offer(&test.anonymous(end), token).await), answer);
        }
        assert_eq!(refusal(accept_invite(&test.op(&bob, end), Invitation::Link(&token)).await), answer);
        assert_eq!(refusal(decline_invite(&test.op(&bob, end), Invitation::Link(&token)).await), answer);
    };
    answers(Refusal::LinkExpired).await;
    assert_eq!(my_invites(&test.op(&bob, end)).await.unwrap(), []);
    assert_eq!(read(&test.in_organization(&ada, team, end).await).await.unwrap().invites, []);
    assert_eq!(test.count("invites").await, 2, "reading erased something");

    retention::run(&test.system(end), Mode::Erase).await.unwrap();
    assert_eq!(test.count("invites").await, 0);
    assert!(!test.everything().await.contains(STRANGER), "the address stands somewhere");
    answers(Refusal::LinkExpired).await;
    let revoked = revoke_invite(&test.in_organization(&ada, team, end).await, id).await;
    assert_eq!(refusal(revoked), Refusal::NotFound);
    retention::run(&test.system(end + TimeDelta::days(7)), Mode::Erase).await.unwrap();
    assert_eq!(test.count("spent_links").await, 0);
}

/// Claims: FLOW-07
#[tokio::test]
async fn the_address_of_an_invitation_goes_when_it_is_declined_taken_back_or_replaced() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let team = test.team(&ada, "Northwind").await;
    let op = test.in_organization(&ada, team, soon()).await;
    let refused = async |token: &str| refusal(invite_offer(&test.anonymous(soon()), token).await);

    invite(&op, STRANGER, "viewer").await.unwrap();
    assert!(test.everything().await.contains(STRANGER), "the test cannot find what it looks for");
    let declined = test.invite_token(STRANGER).await;
    decline_invite(&test.anonymous(soon()), Invitation::Link(&declined)).await.unwrap();
    assert!(!test.everything().await.contains(STRANGER));
    assert_eq!(refused(&declined).await, Refusal::LinkUsed);

    let id = invite(&op, STRANGER, "viewer").await.unwrap();
    let revoked = test.invite_token(STRANGER).await;
    revoke_invite(&op, id).await.unwrap();
    assert!(!test.everything().await.contains(STRANGER));
    assert_eq!(refused(&revoked).await, Refusal::LinkExpired);
    assert_eq!(refusal(revoke_invite(&op, id).await), Refusal::NotFound);

    invite(&op, STRANGER, "viewer").await.unwrap();
    let replaced = test.invite_token(STRANGER).await;
    invite(&op, STRANGER, "admin").await.unwrap();
    assert_eq!(refused(&replaced).await, Refusal::LinkExpired);
    assert_eq!(test.mails_to(STRANGER).await.len(), 1, "the mail with the old link stayed");
    let offer = invite_offer(&test.anonymous(soon()), &test.invite_token(STRANGER).await).await.unwrap();
    assert_eq!(offer.role, Role::Admin);
}

/// Claims: FLOW-07
#[tokio::test]
async fn looking_at_an_invitation_tells_no_address_and_uses_nothing() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let team = test.team(&ada, "Northwind").await;
    let id = invite(&test.in_organization(&ada, team, soon()).await, &bob.email, "billing").await.unwrap();
    let token = test.invite_token(&bob.email).await;
    let before = test.everything().await;
    for _ in 0..5 {
        let offer = invite_offer(&test.anonymous(soon()), &token).await.unwrap();
        assert_eq!((offer.organization.as_str(), offer.role, offer.for_you), ("Northwind", Role::Billing, false));
        assert_eq!((offer.email.as_str(), offer.invited_by.as_deref()), ("b…@example.com", Some("Ada")));
        let offer = invite_offer(&test.op(&bob, soon()), &token).await.unwrap();
        assert_eq!((offer.email.as_str(), offer.for_you), (bob.email.as_str(), true));
    }
    // Whoever has the address finds it without the mail, and nobody else does.
    let mine = my_invites(&test.op(&bob, soon())).await.unwrap();
    assert_eq!(mine.iter().map(|offer| offer.id).collect::<Vec<_>>(), [id]);
    assert_eq!(my_invites(&test.op(&ada, soon())).await.unwrap(), []);
    assert_eq!(test.everything().await, before);
    for id in [id, InviteId::new(uuid::Uuid::from_u128(7))] {
        assert_eq!(refusal(accept_invite(&test.op(&ada, soon()), Invitation::Id(id)).await), Refusal::NotFound);
        assert_eq!(refusal(decline_invite(&test.op(&ada, soon()), Invitation::Id(id)).await), Refusal::NotFound);
    }
    accept_invite(&test.op(&bob, soon()), Invitation::Id(id)).await.unwrap();
    assert_eq!(test.roles(team).await[&bob.account], Role::Billing);
    assert_eq!(my_invites(&test.op(&bob, soon())).await.unwrap(), []);
}

/// Claims: FLOW-07, FLOW-61
#[tokio::test]
async fn an_invitation_gives_no_more_than_who_sent_it_can_give_when_it_is_accepted() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let eve = test.sign_up_and_verify("Eve").await;
    let team = test.team(&ada, "Northwind").await;
    test.join(team, &ada, &bob, Role::Owner, soon()).await;
    let offered = async |role: Role| {
        let now = soon();
        invite(&test.in_organization(&bob, team, now).await, &eve.email, role.word()).await.unwrap();
        test.invite_token(&eve.email).await
    };
    let accepted = async |token: &str| accept_invite(&test.op(&eve, soon()), Invitation::Link(token)).await;
    let ada_op = test.in_organization(&ada, team, soon()).await;

    // An owner's invitation to be an owner, from somebody who is an admin now.
    let token = offered(Role::Owner).await;
    change_role(&ada_op, bob.account, "admin").await.unwrap();
    assert_eq!(refusal(accepted(&token).await), Refusal::LinkExpired);
    // An admin's, from somebody who may do nothing now.
    let token = offered(Role::Viewer).await;
    test.put_into(&bob, "suspended").await;
    assert_eq!(refusal(accepted(&token).await), Refusal::LinkExpired);
    assert_eq!(my_invites(&test.op(&eve, soon())).await.unwrap(), []);
    test.put_into(&bob, "active").await;
    assert_eq!(my_invites(&test.op(&eve, soon())).await.unwrap().len(), 1);
    // From somebody who does not belong to it any more.
    remove(&ada_op, bob.account).await.unwrap();
    assert_eq!(refusal(accepted(&token).await), Refusal::LinkExpired);
    assert_eq!(test.count("invites").await, 0);
    assert_eq!(test.roles(team).await, BTreeMap::from([(ada.account, Role::Owner)]));
}

/// Claims: FLOW-61
#[tokio::test]
async fn nobody_invites_above_themselves_twice_or_without_end() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let team = test.team(&ada, "Northwind").await;
    test.join(team, &ada, &bob, Role::Viewer, soon()).await;
    let ada_op = test.in_organization(&ada, team, soon()).await;
    for mine in ROLES {
        change_role(&ada_op, bob.account, mine.word()).await.unwrap();
        let op = test.in_organization(&bob, team, soon()).await;
        for (place, role) in ROLES.into_iter().enumerate() {
            let answer = invite(&op, &format!("{}{place}@example.net", mine.word()), role.word()).await;
            if mine.may_appoint(role) {
                answer.unwrap();
            } else {
                assert_eq!(refusal(answer), Refusal::NotAllowed, "{mine:?} {role:?}");
            }
        }
    }
    // What an owner offers is nothing that an admin takes back or makes less.
    let id = invite(&ada_op, STRANGER, "owner").await.unwrap();
    change_role(&ada_op, bob.account, "admin").await.unwrap();
    let op = test.in_organization(&bob, team, soon()).await;
    assert_eq!(refusal(revoke_invite(&op, id).await), Refusal::NotAllowed);
    assert_eq!(refusal(invite(&op, STRANGER, "viewer").await), Refusal::NotAllowed);

    assert_eq!(refusal(invite(&ada_op, &bob.email, "viewer").await), Refusal::AlreadyMember);
    assert_eq!(problem(invite(&ada_op, "nobody", "viewer").await).1, Problem::NotAnEmail);
    assert_eq!(problem(invite(&ada_op, STRANGER, "king").await), ("role".to_owned(), Problem::NotAChoice));
    let open = test.count("invites").await;
    for number in open..50 {
        invite(&ada_op, &format!("person{number}@example.net"), "viewer").await.unwrap();
    }
    assert_eq!(refusal(invite(&ada_op, "one.more@example.net", "viewer").await), Refusal::TooMany { max: 50 });
    invite(&ada_op, "person49@example.net", "billing").await.unwrap();
    // Nobody's mailbox is filled through us.
    let mut last = Ok(InviteId::new(uuid::Uuid::nil()));
    for _ in 0..10 {
        last = invite(&ada_op, "person49@example.net", "viewer").await;
    }
    assert!(matches!(refusal(last), Refusal::TooManyTries { .. }));
}

/// Claims: FLOW-61, FLOW-06
#[tokio::test]
async fn a_changed_role_holds_at_once_and_its_person_is_told() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let team = test.team(&ada, "Northwind").await;
    test.join(team, &ada, &bob, Role::Developer, soon()).await;
    let (there, bob) = test.sign_in(&bob.email, soon()).await;
    switch(&test.op(&bob, soon()), team).await.unwrap();
    let (elsewhere, _) = test.sign_in(&bob.email, soon()).await;
    let mut endings = test.portal.endings();

    change_role(&test.in_organization(&ada, team, soon()).await, bob.account, "billing").await.unwrap();
    let resumed = async |token: &sessions::SessionToken| {
        sessions::resume(&test.portal, token.reveal(), soon()).await.unwrap().map(|person| person.organization.id)
    };
    assert_eq!(resumed(&there).await, None);
    assert_eq!(resumed(&elsewhere).await, Some(bob.organization.id), "a session elsewhere goes on");
    let ended: Vec<_> = std::iter::from_fn(|| endings.try_recv().ok()).collect();
    assert!(ended.contains(&bob.session), "what the session held open stays open");
    assert!(test.was_told(&bob, "Your role in Northwind was changed", "Billing").await);
    // A request that began before is judged by the role of now.
    let stale = CurrentOrganization { id: team, name: "Northwind".to_owned(), role: Role::Owner };
    let op = test.claiming(&bob, stale, soon());
    assert_eq!(refusal(change_role(&op, ada.account, "viewer").await), Refusal::NotAllowed);
    assert_eq!(refusal(change(&op, details("Mine", "", "")).await), Refusal::NotAllowed);
    assert_eq!(refusal(invite(&op, STRANGER, "owner").await), Refusal::NotAllowed);
    assert_eq!(refusal(hand_over(&op, bob.account).await), Refusal::NotAllowed);
}

/// Claims: MAST-11, FLOW-06
#[tokio::test]
async fn keys_stay_with_the_organization_when_who_created_them_goes() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let team = test.team(&ada, "Northwind").await;
    test.join(team, &ada, &bob, Role::Developer, soon()).await;
    let op = test.in_organization(&bob, team, soon()).await;
    let (key, _) = test.revealed_key(op.signed_in().unwrap(), "Server", at(TimeDelta::minutes(2))).await;
    let (there, fresh) = test.sign_in(&bob.email, soon()).await;
    switch(&test.op(&fresh, soon()), team).await.unwrap();
    test.watcher.take();

    let ada_op = test.in_organization(&ada, team, soon()).await;
    remove(&ada_op, bob.account).await.unwrap();
    assert_eq!(test.watcher.take(), [], "the gateway was told of a change to a key");
    let keys = keys::list(&ada_op, None).await.unwrap();
    assert_eq!(keys.iter().map(|one| (one.id, one.state)).collect::<Vec<_>>(), [(key.id, KeyState::Active)]);
    assert!(sessions::resume(&test.portal, there.reveal(), soon()).await.unwrap().is_none());
    assert!(test.was_told(&bob, "You were removed from Northwind", "keys stay").await);
    // Out is out, for a request that began before too.
    assert_eq!(refusal(switch(&test.op(&bob, soon()), team).await), Refusal::NotFound);
    assert_eq!(refusal(change(&op, details("Mine", "", "")).await), Refusal::NotAllowed);
    assert_eq!(refusal(leave(&op).await), Refusal::NotFound);
    // They come back only when somebody invites them.
    test.join(team, &ada, &bob, Role::Viewer, soon()).await;
}

/// Claims: FLOW-61
#[tokio::test]
async fn an_organization_is_never_without_an_owner_who_can_act() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let team = test.team(&ada, "Northwind").await;
    test.join(team, &ada, &bob, Role::Admin, soon()).await;
    let ada_op = test.in_organization(&ada, team, soon()).await;
    assert_eq!(refusal(leave(&ada_op).await), Refusal::LastOwner);
    assert_eq!(refusal(remove(&ada_op, ada.account).await), Refusal::LastOwner);
    assert_eq!(refusal(change_role(&ada_op, ada.account, "admin").await), Refusal::LastOwner);
    let bob_op = test.in_organization(&bob, team, soon()).await;
    for answer in [
        remove(&bob_op, ada.account).await,
        change_role(&bob_op, ada.account, "viewer").await,
        change_role(&bob_op, bob.account, "owner").await,
        hand_over(&bob_op, bob.account).await,
    ] {
        assert_eq!(refusal(answer), Refusal::NotAllowed);
    }
    // Another owner who can do nothing does not count.
    change_role(&ada_op, bob.account, "owner").await.unwrap();
    test.put_into(&bob, "restricted").await;
    assert_eq!(refusal(leave(&ada_op).await), Refusal::LastOwner);
    test.put_into(&bob, "active").await;
    leave(&ada_op).await.unwrap();
    assert_eq!(test.roles(team).await, BTreeMap::from([(bob.account, Role::Owner)]));
    assert!(test.was_told(&bob, "Ada left Northwind", "ada@example.com").await);
}

/// Claims: FLOW-61
#[tokio::test]
async fn of_two_owners_who_leave_at_the_same_moment_one_stays() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    for round in 0..5 {
        let team = test.team(&ada, &format!("Team {round}")).await;
        let now = soon() + TimeDelta::hours(round);
        test.join(team, &ada, &bob, Role::Owner, now).await;
        let ops = [test.in_organization(&ada, team, now).await, test.in_organization(&bob, team, now).await];
        let (one, two) = tokio::join!(leave(&ops[0]), leave(&ops[1]));
        let refused: Vec<Refusal> = [one, two].into_iter().filter(Result::is_err).map(refusal).collect();
        assert_eq!(refused, [Refusal::LastOwner], "round {round}");
        assert_eq!(test.roles(team).await.into_values().collect::<Vec<_>>(), [Role::Owner]);
    }
}

/// Claims: FLOW-61
#[tokio::test]
async fn handing_over_makes_one_the_owner_and_the_other_an_admin() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let eve = test.sign_up_and_verify("Eve").await;
    let team = test.team(&ada, "Northwind").await;
    test.join(team, &ada, &bob, Role::Viewer, soon()).await;
    let op = test.in_organization(&ada, team, soon()).await;
    assert_eq!(refusal(hand_over(&op, eve.account).await), Refusal::NotFound);
    assert_eq!(refusal(hand_over(&op, ada.account).await), Refusal::StateConflict);
    test.put_into(&bob, "suspended").await;
    assert_eq!(refusal(hand_over(&op, bob.account).await), Refusal::StateConflict);
    test.put_into(&bob, "active").await;

    let before = test.everything().await;
    let late = test.op(&ada, at(TimeDelta::minutes(7)));
    let late = Op { actor: op.actor.clone(), ..late };
    assert_eq!(refusal(hand_over(&late, bob.account).await), Refusal::StepUpRequired { passkey: false });
    assert_eq!(test.everything().await, before);

    hand_over(&op, bob.account).await.unwrap();
    assert_eq!(test.roles(team).await, BTreeMap::from([(ada.account, Role::Admin), (bob.account, Role::Owner)]));
    assert!(test.was_told(&bob, "Northwind is yours now", "owner").await);
    assert!(test.was_told(&ada, "Your role in Northwind was changed", "Admin").await);
    assert_eq!(refusal(hand_over(&op, bob.account).await), Refusal::NotAllowed);
    leave(&test.in_organization(&ada, team, soon()).await).await.unwrap();
    assert!(test.audited(team).await.contains(&"organization.handed_over"));
}

/// Claims: CARD-05
#[tokio::test]
async fn every_change_of_members_asks_for_a_fresh_authentication_first() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let team = test.team(&ada, "Northwind").await;
    test.join(team, &ada, &bob, Role::Owner, soon()).await;
    let before = test.everything().await;
    let fresh = test.in_organization(&ada, team, soon()).await;
    let stale = Op { now: soon() + TimeDelta::minutes(5) + TimeDelta::seconds(1), ..fresh };
    for answer in [
        invite(&stale, STRANGER, "viewer").await.map(|_| ()),
        change_role(&stale, bob.account, "viewer").await,
        remove(&stale, bob.account).await,
        hand_over(&stale, bob.account).await,
        leave(&stale).await,
    ] {
        assert_eq!(refusal(answer), Refusal::StepUpRequired { passkey: false });
    }
    assert_eq!(test.everything().await, before);
}

#[tokio::test]
async fn a_personal_organization_stays_with_its_person_and_can_have_members() {
    let test = testing::portal().await;
    // Bob's account is the older one, and so is his organization.
    let (bob, ada) = (test.sign_up_and_verify("Bob").await, test.sign_up_and_verify("Ada").await);
    let home = bob.organization.id;
    let op = test.in_organization(&bob, home, soon()).await;
    assert_eq!(refusal(invite(&op, &ada.email, "owner").await), Refusal::PersonalOrganization);
    test.join(home, &bob, &ada, Role::Admin, soon()).await;
    for answer in [
        leave(&op).await,
        change_role(&op, bob.account, "admin").await,
        change_role(&op, ada.account, "owner").await,
        hand_over(&op, ada.account).await,
    ] {
        assert_eq!(refusal(answer), Refusal::PersonalOrganization);
    }
    assert_eq!(test.roles(home).await, BTreeMap::from([(ada.account, Role::Admin), (bob.account, Role::Owner)]));
    // Ada's own is still hers: that is where she signs in to.
    let (_, again) = test.sign_in(&ada.email, soon()).await;
    assert_eq!(again.organization, ada.organization);
    leave(&test.in_organization(&ada, home, soon()).await).await.unwrap();
}

/// Claims: MASA-27, FLOW-61
#[tokio::test]
async fn someone_elses_organization_member_and_invitation_are_not_found() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    let eve = test.sign_up_and_verify("Eve").await;
    let team = test.team(&ada, "Northwind").await;
    test.join(team, &ada, &bob, Role::Viewer, soon()).await;
    let id = invite(&test.in_organization(&ada, team, soon()).await, STRANGER, "viewer").await.unwrap();
    let before = test.everything().await;
    let theirs = test.op(&eve, soon());
    let nobody = AccountId::new(uuid::Uuid::from_u128(7));
    for account in [bob.account, ada.account, nobody] {
        assert_eq!(refusal(change_role(&theirs, account, "viewer").await), Refusal::NotFound);
        assert_eq!(refusal(remove(&theirs, account).await), Refusal::NotFound);
    }
    for id in [id, InviteId::new(uuid::Uuid::from_u128(7))] {
        assert_eq!(refusal(revoke_invite(&theirs, id).await), Refusal::NotFound);
    }
    assert_eq!(refusal(switch(&theirs, team).await), Refusal::NotFound);
    let forged = CurrentOrganization { id: team, name: "Northwind".to_owned(), role: Role::Owner };
    let forged = test.claiming(&eve, forged, soon());
    for answer in [
        change(&forged, details("Mine", "", "")).await,
        change_role(&forged, bob.account, "admin").await,
        remove(&forged, bob.account).await,
        hand_over(&forged, bob.account).await,
        leave(&forged).await,
        send_contact_link(&forged).await,
        revoke_invite(&forged, id).await,
        invite(&forged, STRANGER, "owner").await.map(|_| ()),
    ] {
        assert_eq!(refusal(answer), Refusal::NotFound);
    }
    assert_eq!(test.everything().await, before);
    assert_eq!(read(&theirs).await.unwrap().members.len(), 1);
}

/// Claims: MAST-10
#[tokio::test]
async fn keys_rest_while_no_owner_is_in_good_standing() {
    let test = testing::portal().await;
    let (ada, bob) = (test.sign_up_and_verify("Ada").await, test.sign_up_and_verify("Bob").await);
    test.sign_up("Carl", "carl@example.com", start()).await;
    let team = test.team(&ada, "Northwind").await;
    test.join(team, &ada, &bob, Role::Admin, soon()).await;
    let resting = async || resting(test.portal.db()).await.unwrap();
    // Who is not verified yet has no keys, and must not be told of when that changes.
    assert_eq!(resting().await, []);
    test.watcher.take_rests();
    for state in ["restricted", "suspended", "deleting"] {
        test.put_into(&ada, state).await;
        let mut told = test.watcher.take_rests();
        told.sort_unstable();
        let mut both = vec![(ada.organization.id, true), (team, true)];
        both.sort_unstable();
        assert_eq!(told, both, "{state}");
        assert_eq!(resting().await, both.iter().map(|one| one.0).collect::<Vec<_>>(), "{state}");
        test.put_into(&ada, "active").await;
        assert!(test.watcher.take_rests().iter().all(|(_, rests)| !rests), "{state}");
        assert_eq!(resting().await, []);
    }
    // With another owner in good standing they work, and who takes over wakes them.
    change_role(&test.in_organization(&ada, team, soon()).await, bob.account, "owner").await.unwrap();
    test.put_into(&ada, "suspended").await;
    assert_eq!(resting().await, [ada.organization.id]);
    assert!(test.watcher.take_rests().contains(&(team, false)));
    remove(&test.in_organization(&bob, team, soon()).await, ada.account).await.unwrap();
    assert_eq!(test.watcher.take_rests(), [(team, false)]);
    test.put_into(&bob, "suspended").await;
    assert!(test.watcher.take_rests().contains(&(team, true)));
}

/// What may happen to the members of an organization, told in the plainest way.
#[derive(Clone, Debug, Default)]
struct Model(BTreeMap<AccountId, Role>);

#[derive(Clone, Copy, Debug)]
enum Step {
    ChangeRole(AccountId, Role),
    Remove(AccountId),
    Leave,
    HandOver(AccountId),
    Invite(AccountId, Role),
}

impl Model {
    fn owners_besides(&self, who: AccountId) -> usize {
        self.0.iter().filter(|(account, role)| **account != who && **role == Role::Owner).count()
    }

    /// Whether it is allowed; if so, it has happened.
    fn takes(&mut self, by: AccountId, step: Step) -> bool {
        let Some(mine) = self.0.get(&by).copied() else { return false };
        let manages = matches!(mine, Role::Owner | Role::Admin);
        let touches = |role: Role| mine == Role::Owner || (mine == Role::Admin && role != Role::Owner);
        match step {
            Step::ChangeRole(who, role) => {
                let Some(before) = self.0.get(&who).copied() else { return false };
                let keeps_owner = before != Role::Owner || role == Role::Owner || self.owners_besides(who) > 0;
                let allowed = manages && touches(before) && touches(role) && keeps_owner;
                if allowed {
                    self.0.insert(who, role);
                }
                allowed
            }
            Step::Leave => {
                let allowed = mine != Role::Owner || self.owners_besides(by) > 0;
                if allowed {
                    self.0.remove(&by);
                }
                allowed
            }
            Step::Remove(who) if who == by => self.takes(by, Step::Leave),
            Step::Remove(who) => {
                let Some(before) = self.0.get(&who).copied() else { return false };
                let allowed = manages && touches(before);
                if allowed {
                    self.0.remove(&who);
                }
                allowed
            }
            Step::HandOver(who) => {
                let allowed = mine == Role::Owner && who != by && self.0.contains_key(&who);
                if allowed {
                    self.0.insert(who, Role::Owner);
                    self.0.insert(by, Role::Admin);
                }
                allowed
            }
            Step::Invite(who, role) => {
                let allowed = manages && touches(role) && !self.0.contains_key(&who);
                if allowed {
                    self.0.insert(who, role);
                }
                allowed
            }
        }
    }
}

/// Whoever acts says that they are the owner: only what the database holds counts.
///
/// Claims: FLOW-61
#[tokio::test]
async fn whatever_people_do_to_each_other_an_owner_remains_and_nobody_gains_what_they_were_not_given() {
    let test = testing::portal().await;
    let mut people = Vec::new();
    for name in ["Ada", "Bob", "Eve", "Joe"] {
        people.push(test.sign_up_and_verify(name).await);
    }
    const STEPS: i64 = 100;
    let mut taken = 0;
    for seed in 0..3 {
        let mut dice = Dice(seed);
        let team = test.team(&people[0], &format!("Team {seed}")).await;
        let mut model = Model(BTreeMap::from([(people[0].account, Role::Owner)]));
        for number in 0..STEPS {
            // An hour a step, so that invitations are not refused for their number.
            let now = soon() + TimeDelta::hours(seed as i64 * STEPS + number);
            let (by, who) = (dice.pick(&people).clone(), dice.pick(&people).clone());
            let role = *dice.pick(&ROLES);
            let step = match dice.below(8) {
                0 | 1 => Step::ChangeRole(who.account, role),
                2 => Step::Remove(who.account),
                3 => Step::Leave,
                4 => Step::HandOver(who.account),
                _ => Step::Invite(who.account, role),
            };
            let claimed = CurrentOrganization { id: team, name: String::new(), role: Role::Owner };
            let op = test.claiming(&by, claimed, now);
            let answer = match step {
                Step::ChangeRole(who, role) => change_role(&op, who, role.word()).await,
                Step::Remove(who) => remove(&op, who).await,
                Step::Leave => leave(&op).await,
                Step::HandOver(who) => hand_over(&op, who).await,
                Step::Invite(_, role) => match invite(&op, &who.email, role.word()).await {
                    Ok(_) => {
                        let token = test.invite_token(&who.email).await;
                        accept_invite(&test.op(&who, now), Invitation::Link(&token)).await.map(|_| ())
                    }
                    Err(error) => Err(error),
                },
            };
            let happened = model.takes(by.account, step);
            assert_eq!(answer.is_ok(), happened, "seed {seed}, step {number}: {step:?} by {}: {answer:?}", by.name);
            assert_eq!(test.roles(team).await, model.0, "seed {seed}, step {number}: {step:?} by {}", by.name);
            assert!(model.0.values().any(|role| *role == Role::Owner));
            taken += usize::from(happened);
        }
    }
    // Most of what is tried at random is refused; enough has happened to have met every rule.
    assert!(taken > 40, "{taken}");
}

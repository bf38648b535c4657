//! The organization that the person works in: what it says of itself, who belongs to it, who is invited, what roles
//! mean.

use contract::countries::{self, COUNTRIES};
use contract::organizations::{InviteOffer, ORGANIZATION_NAME_MAX, Organization, OrganizationPage as Page};
use contract::{Permission, Role};
use leptos::children::ViewFnOnce;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::danger::{self, danger};
use super::members::{invites, members};
use super::server_fns::{
    AcceptInvite, ChangeMemberRole, ChangeOrganization, DeclineInvite, HandOverOrganization, InviteMember,
    LeaveOrganization, RemoveMember, RevokeInvite, SendContactLink, my_invites, read_kept, read_organization,
};
use crate::console::Console;
use crate::error::AppError;
use crate::kept::{Kept, KeptFields, error_of, problem_of};
use crate::layout::ConsolePlace;
use crate::ui::{
    Button, ButtonKind, Card, Column, Failure, FormErrors, InputKind, Notice, Select, Table, Tag, TextField, Time, Tone,
};

const LABELS: &[(&str, &str)] = &[("name", "Name"), ("contact_email", "Contact address"), ("country", "Country")];

/// What can be done on this page.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    pub change: ServerAction<ChangeOrganization>,
    pub send_contact: ServerAction<SendContactLink>,
    pub invite: ServerAction<InviteMember>,
    pub revoke: ServerAction<RevokeInvite>,
    pub role: ServerAction<ChangeMemberRole>,
    pub remove: ServerAction<RemoveMember>,
    pub leave: ServerAction<LeaveOrganization>,
    pub hand_over: ServerAction<HandOverOrganization>,
    pub accept: ServerAction<AcceptInvite>,
    pub decline: ServerAction<DeclineInvite>,
}

impl Actions {
    fn new() -> Self {
        Self {
            change: ServerAction::new(),
            send_contact: ServerAction::new(),
            invite: ServerAction::new(),
            revoke: ServerAction::new(),
            role: ServerAction::new(),
            remove: ServerAction::new(),
            leave: ServerAction::new(),
            hand_over: ServerAction::new(),
            accept: ServerAction::new(),
            decline: ServerAction::new(),
        }
    }

    /// The refusal of a form that has no place of its own for it.
    fn failed(self) -> Option<AppError> {
        let of = |answer: Option<Result<(), AppError>>| answer.and_then(Result::err);
        of(self.send_contact.value().get_untracked())
            .or_else(|| of(self.revoke.value().get_untracked()))
            .or_else(|| of(self.role.value().get_untracked()))
            .or_else(|| of(self.remove.value().get_untracked()))
            .or_else(|| of(self.leave.value().get_untracked()))
            .or_else(|| of(self.hand_over.value().get_untracked()))
            .or_else(|| of(self.accept.value().get_untracked()))
            .or_else(|| of(self.decline.value().get_untracked()))
    }
}

/// The fields of one form, if it was sent and not accepted before this page was shown.
pub(super) fn kept_of(kept: &Option<Kept>, form: &str) -> Option<KeptFields> {
    kept.as_ref().filter(|kept| kept.form == form).map(|kept| KeptFields(kept.fields.clone()))
}

/// Everything about the organization.
#[component]
#[must_use]
pub fn OrganizationPage() -> impl IntoView {
    let actions = Actions::new();
    let done = StoredValue::new(use_query_map().get_untracked().get("done"));
    let page = Resource::new_blocking(|| (), |()| read_organization());
    let kept = Resource::new_blocking(|| (), |()| read_kept());
    let mine = Resource::new_blocking(|| (), |()| my_invites());
    view! {
        <Title text="Organization"/>
        <Console place=ConsolePlace::Organization title="Organization">
            <Suspense>
                {move || Suspend::new(async move {
                    let kept = kept.await.ok().flatten();
                    match page.await {
                        Ok(page) => content(page, actions, &kept, done.get_value(), mine.await.unwrap_or_default()),
                        Err(error) => view! { <Failure error/> }.into_any(),
                    }
                })}
            </Suspense>
        </Console>
    }
}

fn content(page: Page, actions: Actions, kept: &Option<Kept>, done: Option<String>, mine: Vec<InviteOffer>) -> AnyView {
    let manages = page.role.allows(Permission::ManageOrganization);
    let invites = page.role.allows(Permission::ManageMembers).then(|| invites(&page, actions, kept));
    let dialogs = danger::dialogs(&page, actions, kept);
    view! {
        <div class="settings">
            {news(done.as_deref(), &page.organization)}
            {actions.failed().map(|error| view! { <Failure error/> })}
            {my_invitations(mine, actions)}
            {if manages { details_form(&page.organization, actions, kept) } else { details(&page.organization) }}
            {members(&page, actions, kept)}
            {invites}
            {roles(page.role)}
            {danger(&page)}
        </div>
        {dialogs}
    }
    .into_any()
}

/// What was done before this page was shown.
fn news(done: Option<&str>, organization: &Organization) -> Option<AnyView> {
    let name = &organization.name;
    let (title, text) = match done? {
        "created" => (format!("{name} is created."), "You work in it now. Create a key, or invite others below."),
        "changed" if organization.contact_email.is_some() && !organization.contact_verified => (
            "The changes are saved.".to_owned(),
            "We have sent a link to the contact address. Until it is used, nothing else is sent there.",
        ),
        "changed" => ("The changes are saved.".to_owned(), ""),
        "contact_asked" => {
            ("A new link is on its way.".to_owned(), "Earlier links to the contact address stopped working.")
        }
        "invited" => ("The invitation is on its way.".to_owned(), "It works for 7 days, for this address alone."),
        "invite_revoked" => {
            ("The invitation is taken back.".to_owned(), "Its link stopped working, and the address is erased.")
        }
        "joined" => {
            (format!("You belong to {name} now."), "You work in it from here on. Switch at the top of the menu.")
        }
        "declined" => ("The invitation is declined.".to_owned(), "Your address is erased from it."),
        "role" => ("The role is changed.".to_owned(), "It holds at once. We have sent the person a mail that says so."),
        "removed" => ("The member is removed.".to_owned(), "Their keys stay. We have sent them a mail that says so."),
        "left" => ("You left the organization.".to_owned(), "You work in your own again."),
        "handed_over" => {
            ("The organization is handed over.".to_owned(), "You are an admin now. We have sent both of you a mail.")
        }
        _ => return None,
    };
    Some(view! { <Notice tone=Tone::Ok live=true title=title>{text}</Notice> }.into_any())
}

/// Invitations that wait for the person: they need no mail to find them.
fn my_invitations(mine: Vec<InviteOffer>, actions: Actions) -> Option<AnyView> {
    if mine.is_empty() {
        return None;
    }
    let entries: Vec<AnyView> = mine.into_iter().map(|offer| my_invitation(offer, actions)).collect();
    Some(
        view! {
            <div id="invitations">
                <Card title="You are invited" flush=true>
                    <ul class="entries">{entries}</ul>
                </Card>
            </div>
        }
        .into_any(),
    )
}

fn my_invitation(offer: InviteOffer, actions: Actions) -> AnyView {
    let (id, again) = (offer.id.to_string(), offer.id.to_string());
    let by = offer.invited_by.map(|by| format!("Invited by {by}. ")).unwrap_or_default();
    let (joined, declined) = (format!(" {}", offer.organization), format!(" {}", offer.organization));
    view! {
        <li>
            <div class="text">
                <b class="font-medium">{offer.organization}</b>
                <div class="small muted">
                    {format!("{by}As {}: {}. Until ", offer.role.label(), offer.role.summary())} <Time at=offer.expires_at/>
                </div>
            </div>
            <div class="actions">
                <ActionForm action=actions.decline>
                    <input type="hidden" name="id" value=id/>
                    <Button kind=ButtonKind::Quiet>"Decline" <span class="unseen">{declined}</span></Button>
                </ActionForm>
                <ActionForm action=actions.accept>
                    <input type="hidden" name="id" value=again/>
                    <Button kind=ButtonKind::Primary>"Join" <span class="unseen">{joined}</span></Button>
                </ActionForm>
            </div>
        </li>
    }
    .into_any()
}

fn actions_of(content: AnyView) -> ViewFnOnce {
    ViewFnOnce::from(move || content)
}

/// For those who may change it.
fn details_form(organization: &Organization, actions: Actions, kept: &Option<Kept>) -> AnyView {
    let action = actions.change;
    let error = error_of(move || action.value().get());
    let stored = |field: &str| match field {
        "name" => organization.name.clone(),
        "contact_email" => organization.contact_email.clone().unwrap_or_default(),
        _ => organization.country.clone().unwrap_or_default(),
    };
    let kept = kept_of(kept, "change_organization");
    let value = |field: &str| kept.as_ref().map_or_else(|| stored(field), |kept| kept.value(field));
    let (name, contact, country) = (value("name"), value("contact_email"), value("country"));
    let mut countries = vec![(String::new(), "Not said".to_owned())];
    countries.extend(COUNTRIES.iter().map(|(code, name)| ((*code).to_owned(), (*name).to_owned())));
    let resend = (organization.contact_email.is_some() && !organization.contact_verified).then(|| {
        view! {
            <div class="body flex flex-wrap gap-2 items-center">
                <Tag tone=Tone::Warn>"Contact address not verified"</Tag>
                <ActionForm action=actions.send_contact>
                    <Button kind=ButtonKind::Quiet>"Send the link again"</Button>
                </ActionForm>
            </div>
        }
    });
    let kind = if organization.personal { "Personal" } else { "Team" };
    view! {
        <Card title="About" actions=actions_of(view! { <Tag>{kind}</Tag> }.into_any()) flush=true>
            <div class="body">
                <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                    <FormErrors error labels=LABELS/>
                    <TextField
                        name="name"
                        label="Name"
                        value=name
                        problem=problem_of(error, "name")
                        autocomplete="organization"
                        max_length=ORGANIZATION_NAME_MAX
                        required=true
                    />
                    <TextField
                        name="contact_email"
                        label="Contact address"
                        kind=InputKind::Email
                        value=contact
                        help="Where the operator may write to about the organization: a shared mailbox, not an address that somebody signs in with. May be empty."
                        problem=problem_of(error, "contact_email")
                        autocomplete="off"
                    />
                    <Select
                        name="country"
                        label="Country"
                        options=countries
                        selected=country
                        help="May be left open."
                        problem=problem_of(error, "country")
                    />
                    <div>
                        <Button kind=ButtonKind::Primary pending=action.pending()>"Save changes"</Button>
                    </div>
                </ActionForm>
            </div>
            {resend}
        </Card>
    }
    .into_any()
}

/// For everybody else.
fn details(organization: &Organization) -> AnyView {
    let country = organization.country.as_deref().and_then(countries::name).unwrap_or("not said");
    let contact = organization.contact_email.clone().unwrap_or_else(|| "none".to_owned());
    let (name, created_at) = (organization.name.clone(), organization.created_at);
    view! {
        <Card title="About">
            <dl class="kv">
                <dt>"Name"</dt>
                <dd>{name}</dd>
                <dt>"Contact address"</dt>
                <dd>{contact}</dd>
                <dt>"Country"</dt>
                <dd>{country}</dd>
                <dt>"Created"</dt>
                <dd><Time at=created_at/></dd>
            </dl>
        </Card>
    }
    .into_any()
}

/// What each role may do: the table by which it is decided.
fn roles(mine: Role) -> AnyView {
    let mut columns = vec![Column::text("May")];
    columns.extend(Role::ALL.into_iter().map(|role| Column::text(role.label())));
    let rows: Vec<AnyView> = Permission::ALL
        .into_iter()
        .map(|permission| {
            let cells: Vec<AnyView> = Role::ALL
                .into_iter()
                .map(|role| view! { <td>{if role.allows(permission) { "yes" } else { "–" }}</td> }.into_any())
                .collect();
            view! { <tr><th scope="row">{permission.label()}</th>{cells}</tr> }.into_any()
        })
        .collect();
    view! {
        <Card title="Roles" note=format!("yours: {}", mine.label()) flush=true>
            <Table label="What each role may do" columns=columns>
                {rows}
            </Table>
        </Card>
    }
    .into_any()
}

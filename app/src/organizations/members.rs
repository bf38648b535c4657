//! Who belongs to the organization, and who is invited.

use contract::Role;
use contract::organizations::{INVITE_DAYS, Invite, Member, OrganizationPage as Page};
use leptos::prelude::*;

use super::danger::remove;
use super::organization_page::{Actions, kept_of};
use crate::kept::{Kept, error_of, problem_of};
use crate::ui::format::counted;
use crate::ui::{
    Button, ButtonKind, Card, Column, DialogButton, FormErrors, Icon, IconView, InputKind, Select, Table, Tag,
    TextField, Time, Tone,
};

const LABELS: &[(&str, &str)] = &[("email", "Email"), ("role", "Role")];

/// The roles that somebody in a role may give in an organization.
fn given_by(page: &Page) -> Vec<Role> {
    let possible = |role: &Role| page.role.may_appoint(*role) && !(page.organization.personal && *role == Role::Owner);
    Role::ALL.into_iter().filter(possible).collect()
}

/// Whether the person may change or remove that member.
pub(super) fn may_touch(page: &Page, member: &Member) -> bool {
    page.role.may_appoint(member.role) && !(page.organization.personal && member.role == Role::Owner)
}

/// Everybody who belongs to it.
pub(super) fn members(page: &Page, actions: Actions, kept: &Option<Kept>) -> AnyView {
    let columns = vec![
        Column::text("Member"),
        Column::text("Since").optional(),
        Column::text("Role"),
        Column::actions("Actions"),
    ];
    let kept = kept_of(kept, "change_member_role");
    let chosen = |member: &Member| {
        let kept = kept.as_ref().filter(|kept| kept.value("account") == member.account.to_string());
        kept.map_or_else(|| member.role.word().to_owned(), |kept| kept.value("role"))
    };
    let rows: Vec<AnyView> = page.members.iter().map(|member| row(page, member, chosen(member), actions)).collect();
    view! {
        <Card title="Members" note=counted(page.members.len() as i64, "member", "members") flush=true>
            <Table label="Members" columns=columns fold=true>
                {rows}
            </Table>
        </Card>
    }
    .into_any()
}

fn row(page: &Page, member: &Member, chosen: String, actions: Actions) -> AnyView {
    let touched = may_touch(page, member);
    let role = if touched { role_form(page, member, chosen, actions) } else { member.role.label().into_any() };
    let removes = (touched && !member.is_you).then(|| {
        let (dialog, name) = (remove(member.account), format!(" {}", member.name));
        view! {
            <DialogButton dialog=dialog kind=ButtonKind::Danger>
                "Remove" <span class="unseen">{name}</span>
            </DialogButton>
        }
    });
    view! {
        <tr>
            <td>
                <b class="font-medium">{member.name.clone()}</b>
                {member.is_you.then(|| view! { " " <Tag>"You"</Tag> })}
                <div class="small muted break-words">{member.email.clone()}</div>
            </td>
            <td class="opt muted"><Time at=member.since/></td>
            <td>{role}</td>
            <td class="actions">{removes}</td>
        </tr>
    }
    .into_any()
}

fn role_form(page: &Page, member: &Member, chosen: String, actions: Actions) -> AnyView {
    let options: Vec<AnyView> = given_by(page)
        .into_iter()
        .map(|role| {
            let selected = role.word() == chosen;
            view! { <option value=role.word() selected=selected>{role.label()}</option> }.into_any()
        })
        .collect();
    let (account, label) = (member.account.to_string(), format!("Role of {}", member.name));
    let saved = format!(" the role of {}", member.name);
    view! {
        <ActionForm action=actions.role attr:class="flex gap-1 items-center">
            <input type="hidden" name="account" value=account/>
            <div class="select">
                <select class="input" name="role" aria-label=label>
                    {options}
                </select>
                <IconView icon=Icon::ChevronDown/>
            </div>
            <Button>"Save" <span class="unseen">{saved}</span></Button>
        </ActionForm>
    }
    .into_any()
}

/// Who is invited, and the form that invites.
pub(super) fn invites(page: &Page, actions: Actions, kept: &Option<Kept>) -> AnyView {
    let action = actions.invite;
    let error = error_of(move || action.value().get());
    let kept = kept_of(kept, "invite_member").unwrap_or_default();
    let options = given_by(page)
        .into_iter()
        .map(|role| (role.word().to_owned(), format!("{}: {}", role.label(), role.summary())))
        .collect();
    let role = kept.value("role");
    let role = if role.is_empty() { Role::Developer.word().to_owned() } else { role };
    let open: Vec<AnyView> = page.invites.iter().map(|invite| open_invite(page, invite, actions)).collect();
    let list = (!open.is_empty()).then(|| view! { <ul class="entries">{open}</ul> });
    view! {
        <Card title="Invitations" note=counted(page.invites.len() as i64, "open", "open") flush=true>
            {list}
            <div class="body">
                <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                    <FormErrors error labels=LABELS/>
                    <TextField
                        name="email"
                        label="Email"
                        kind=InputKind::Email
                        value=kept.value("email")
                        help=format!("We send a link that works for {INVITE_DAYS} days, for this address alone. Then the address is erased.")
                        problem=problem_of(error, "email")
                        autocomplete="off"
                        required=true
                    />
                    <Select name="role" label="Role" options=options selected=role problem=problem_of(error, "role")/>
                    <div>
                        <Button kind=ButtonKind::Primary icon=Icon::Mail pending=action.pending()>"Send invitation"</Button>
                    </div>
                </ActionForm>
            </div>
        </Card>
    }
    .into_any()
}

fn open_invite(page: &Page, invite: &Invite, actions: Actions) -> AnyView {
    let revoke = page.role.may_appoint(invite.role).then(|| {
        let (id, whose) = (invite.id.to_string(), format!(" the invitation of {}", invite.email));
        view! {
            <ActionForm action=actions.revoke>
                <input type="hidden" name="id" value=id/>
                <Button kind=ButtonKind::Quiet>"Take back" <span class="unseen">{whose}</span></Button>
            </ActionForm>
        }
    });
    view! {
        <li>
            <div class="text">
                <b class="font-medium break-words">{invite.email.clone()}</b>
                <div class="small muted">
                    {format!("As {}. Sent ", invite.role.label())} <Time at=invite.created_at/> ", until " <Time at=invite.expires_at absolute=true/>
                </div>
            </div>
            <Tag tone=Tone::Info>"Waiting"</Tag>
            {revoke}
        </li>
    }
    .into_any()
}

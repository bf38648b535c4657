//! What cannot be taken back by the person who does it: each with a question that names the thing and what follows.

use contract::organizations::{Member, OrganizationPage as Page};
use contract::{AccountId, Permission, Role};
use leptos::prelude::*;

use super::members::may_touch;
use super::organization_page::{Actions, kept_of};
use crate::kept::Kept;
use crate::ui::{Button, ButtonKind, Card, Dialog, DialogActions, DialogButton, DialogClose, Select};

const LEAVE: &str = "leave";
const HAND_OVER: &str = "hand-over";

/// The dialog that removes a member.
pub(super) fn remove(account: AccountId) -> String {
    format!("remove-{account}")
}

/// To whom it can be handed over.
fn heirs(page: &Page) -> impl Iterator<Item = &Member> {
    page.members.iter().filter(|member| !member.is_you)
}

fn may_hand_over(page: &Page) -> bool {
    page.role.allows(Permission::HandOver) && !page.organization.personal
}

/// Whether the person's own place is the only one of an owner.
fn is_last_owner(page: &Page) -> bool {
    page.role == Role::Owner && page.members.iter().filter(|member| member.role == Role::Owner).count() == 1
}

/// The part of the page that opens these dialogs.
pub(super) fn danger(page: &Page) -> AnyView {
    if page.organization.personal && page.role == Role::Owner {
        return view! {
            <Card title="Leave or hand over">
                <p class="muted">"This is your personal organization. It stays with your account: you cannot leave it or hand it over. Create another one for what should change hands."</p>
            </Card>
        }
        .into_any();
    }
    let hand_over = may_hand_over(page).then(|| {
        let action = if heirs(page).next().is_some() {
            view! { <DialogButton dialog=HAND_OVER kind=ButtonKind::Danger>"Hand over"</DialogButton> }.into_any()
        } else {
            view! { <span class="small muted">"Invite somebody first."</span> }.into_any()
        };
        entry("Hand over", "Somebody else becomes the owner, and you an admin.", action)
    });
    let leave = if is_last_owner(page) {
        entry(
            "Leave",
            "You are the only owner. Hand the organization over first, or make somebody else an owner too.",
            ().into_any(),
        )
    } else {
        let button = view! { <DialogButton dialog=LEAVE kind=ButtonKind::Danger>"Leave"</DialogButton> }.into_any();
        entry("Leave", "You lose what your role gives you here. Keys that you created stay.", button)
    };
    view! {
        <Card title="Leave or hand over" flush=true>
            <ul class="entries">{hand_over} {leave}</ul>
        </Card>
    }
    .into_any()
}

fn entry(title: &'static str, text: &'static str, action: AnyView) -> AnyView {
    view! {
        <li>
            <div class="text">
                <b class="font-medium">{title}</b>
                <div class="small muted">{text}</div>
            </div>
            {action}
        </li>
    }
    .into_any()
}

/// The questions.
pub(super) fn dialogs(page: &Page, actions: Actions, kept: &Option<Kept>) -> AnyView {
    let touched = page.members.iter().filter(|member| !member.is_you && may_touch(page, member));
    let removals: Vec<AnyView> = touched.map(|member| remove_dialog(page, member, actions)).collect();
    let stays = is_last_owner(page) || (page.organization.personal && page.role == Role::Owner);
    let leaves = !stays;
    view! {
        {removals}
        {may_hand_over(page).then(|| hand_over_dialog(page, actions, kept))}
        {leaves.then(|| leave_dialog(page, actions))}
    }
    .into_any()
}

fn remove_dialog(page: &Page, member: &Member, actions: Actions) -> AnyView {
    let id = remove(member.account);
    let title = format!("Remove {}?", member.name);
    let text = format!(
        "{} ({}) loses everything that the role gives in {}, at once, and is told by mail. Keys they created keep working: revoke those whose secrets should not go with them.",
        member.name, member.email, page.organization.name
    );
    let (closing, account) = (id.clone(), member.account.to_string());
    view! {
        <Dialog id=id title=title>
            <p>{text}</p>
            <ActionForm action=actions.remove>
                <input type="hidden" name="account" value=account/>
                <DialogActions>
                    <DialogClose dialog=closing>"Keep the member"</DialogClose>
                    <Button kind=ButtonKind::Danger pending=actions.remove.pending()>"Remove member"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn hand_over_dialog(page: &Page, actions: Actions, kept: &Option<Kept>) -> AnyView {
    let name = &page.organization.name;
    let title = format!("Hand {name} over?");
    let text = format!(
        "Whoever you choose becomes an owner of {name}, and you an admin. Only an owner can give it back. Keys and programs are not touched."
    );
    let options =
        heirs(page).map(|member| (member.account.to_string(), format!("{} ({})", member.name, member.email))).collect();
    let chosen = kept_of(kept, "hand_over_organization").map(|kept| kept.value("account")).unwrap_or_default();
    view! {
        <Dialog id=HAND_OVER title=title>
            <p>{text}</p>
            <ActionForm action=actions.hand_over attr:class="grid gap-4">
                <Select name="account" label="New owner" options=options selected=chosen/>
                <DialogActions>
                    <DialogClose dialog=HAND_OVER>"Stay the owner"</DialogClose>
                    <Button kind=ButtonKind::Danger pending=actions.hand_over.pending()>"Hand over"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn leave_dialog(page: &Page, actions: Actions) -> AnyView {
    let name = &page.organization.name;
    let title = format!("Leave {name}?");
    let text = format!(
        "You cannot see or change anything of {name} from then on. Keys that you created stay with it. To come back you need an invitation."
    );
    view! {
        <Dialog id=LEAVE title=title>
            <p>{text}</p>
            <ActionForm action=actions.leave>
                <DialogActions>
                    <DialogClose dialog=LEAVE>"Stay a member"</DialogClose>
                    <Button kind=ButtonKind::Danger pending=actions.leave.pending()>"Leave organization"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

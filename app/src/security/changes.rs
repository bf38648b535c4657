//! What can be changed on the security page: a dialog each.
//!
//! What decides who gets in needs a fresh confirmation. Where there is none the button leads to it first, and back to
//! its open dialog: nobody types a new password in vain. The server asks again in any case.

use contract::PasskeyId;
use contract::accounts::Security;
use contract::passkeys::{PASSKEY_NAME_MAX, Passkey};
use leptos::prelude::*;

use crate::accounts::server_fns::{AskEmailChange, CancelEmailChange, ChangeName, RemovePassword, SetPassword};
use crate::error::AppError;
use crate::kept::{Kept, KeptFields, error_of, problem_of};
use crate::passkeys::server_fns::{RemovePasskey, RenamePasskey};
use crate::passkeys::{PasskeyButton, PasskeyFor};
use crate::paths;
use crate::recovery::server_fns::CancelMyRecovery;
use crate::sessions::server_fns::{EndOne, EndOthers};
use crate::ui::{
    Button, ButtonKind, Dialog, DialogActions, DialogButton, DialogClose, Field, FormErrors, InputKind, LinkButton,
    PasswordField, TextField,
};

pub(super) const ADD_PASSKEY: &str = "add-passkey";
pub(super) const PASSWORD: &str = "password";
pub(super) const REMOVE_PASSWORD: &str = "remove-password";
pub(super) const NAME: &str = "name";
pub(super) const EMAIL: &str = "email";

/// The dialog that renames a passkey.
pub(super) fn rename(id: PasskeyId) -> String {
    format!("rename-{id}")
}

/// The dialog that removes a passkey.
pub(super) fn remove(id: PasskeyId) -> String {
    format!("remove-{id}")
}

/// The forms.
#[derive(Clone, Copy)]
pub(super) struct Changes {
    rename: ServerAction<RenamePasskey>,
    remove: ServerAction<RemovePasskey>,
    password: ServerAction<SetPassword>,
    remove_password: ServerAction<RemovePassword>,
    name: ServerAction<ChangeName>,
    email: ServerAction<AskEmailChange>,
    pub cancel_email: ServerAction<CancelEmailChange>,
    pub end_one: ServerAction<EndOne>,
    pub end_others: ServerAction<EndOthers>,
    cancel_recovery: ServerAction<CancelMyRecovery>,
}

/// What a form was refused with.
type Refused = Option<AppError>;

impl Changes {
    pub fn new() -> Self {
        Self {
            rename: ServerAction::new(),
            remove: ServerAction::new(),
            password: ServerAction::new(),
            remove_password: ServerAction::new(),
            name: ServerAction::new(),
            email: ServerAction::new(),
            cancel_email: ServerAction::new(),
            end_one: ServerAction::new(),
            end_others: ServerAction::new(),
            cancel_recovery: ServerAction::new(),
        }
    }

    fn of_passkeys(self) -> Refused {
        let renamed = self.rename.value().get_untracked().and_then(Result::err);
        renamed.or_else(|| self.remove.value().get_untracked().and_then(Result::err))
    }

    fn in_dialogs(self) -> Refused {
        self.of_passkeys()
            .or_else(|| self.password.value().get_untracked().and_then(Result::err))
            .or_else(|| self.remove_password.value().get_untracked().and_then(Result::err))
            .or_else(|| self.name.value().get_untracked().and_then(Result::err))
            .or_else(|| self.email.value().get_untracked().and_then(Result::err))
    }

    /// The refusal of a form that has no dialog, or none that could be found again.
    pub fn failed(self, opened: &Opened) -> Refused {
        let lost = if opened.dialog.is_none() { self.in_dialogs() } else { None };
        lost.or_else(|| self.cancel_email.value().get_untracked().and_then(Result::err))
            .or_else(|| self.end_one.value().get_untracked().and_then(Result::err))
            .or_else(|| self.end_others.value().get_untracked().and_then(Result::err))
            .or_else(|| self.cancel_recovery.value().get_untracked().and_then(Result::err))
    }
}

/// The dialog that is open from the start, and what stood in it.
pub(super) struct Opened {
    dialog: Option<String>,
    fields: KeptFields,
}

impl Opened {
    /// The form that was kept, or what the address asks for.
    pub fn new(asked: Option<String>, kept: Option<Kept>) -> Self {
        let (form, fields) = kept.map(|kept| (kept.form, KeptFields(kept.fields))).unwrap_or_default();
        let id = fields.value("id");
        let of_kept = match form.as_str() {
            "rename_passkey" => Some(format!("rename-{id}")),
            "remove_passkey" => Some(format!("remove-{id}")),
            "set_password" => Some(PASSWORD.to_owned()),
            "remove_password" => Some(REMOVE_PASSWORD.to_owned()),
            "ask_email_change" => Some(EMAIL.to_owned()),
            "change_name" => Some(NAME.to_owned()),
            _ => None,
        };
        Self { dialog: of_kept.or(asked), fields }
    }

    fn is(&self, dialog: &str) -> bool {
        self.dialog.as_deref() == Some(dialog)
    }

    /// What stood in a field of this dialog, or what it holds at first.
    fn value(&self, dialog: &str, field: &str, first: &str) -> String {
        let kept = self.fields.0.iter().any(|(name, _)| name == field);
        if kept && self.is(dialog) { self.fields.value(field) } else { first.to_owned() }
    }

    /// Whether a dialog is open.
    pub fn any(&self) -> bool {
        self.dialog.is_some()
    }

    /// The refusal, in the dialog it belongs to.
    fn error(&self, dialog: &str, error: Refused) -> Signal<Option<AppError>> {
        let error = error.filter(|_| self.is(dialog));
        error_of(move || error.clone().map(Err::<(), _>))
    }
}

/// Opens a dialog; leads to the confirmation first, where there is no fresh one. `of` is said and not shown: “the
/// password”, after “Change”.
pub(super) fn change_button(
    confirmed: bool,
    dialog: &str,
    kind: ButtonKind,
    words: &'static str,
    of: impl Into<String>,
) -> AnyView {
    let of = Some(of.into()).filter(|of| !of.is_empty());
    let words = view! { {words} {of.map(|of| view! { <span class="unseen">{of}</span> })} };
    if confirmed {
        view! { <DialogButton dialog=dialog kind>{words}</DialogButton> }.into_any()
    } else {
        let href = format!("{}?next={}%3Fopen%3D{dialog}", paths::STEP_UP, paths::SECURITY);
        view! { <LinkButton href kind>{words}</LinkButton> }.into_any()
    }
}

/// All dialogs of the page.
pub(super) fn dialogs(security: &Security, changes: Changes, opened: &Opened) -> AnyView {
    let of_passkeys: Vec<AnyView> = security
        .passkeys
        .iter()
        .flat_map(|passkey| [rename_dialog(passkey, changes, opened), remove_dialog(passkey, changes, opened)])
        .collect();
    view! {
        {security.passkeys_available.then(|| add_dialog(opened))} {of_passkeys} {password_dialog(security, changes, opened)}
        {remove_password_dialog(changes, opened)} {name_dialog(security, changes, opened)}
        {email_dialog(changes, opened)}
    }
    .into_any()
}

fn add_dialog(opened: &Opened) -> AnyView {
    let id = "field-passkey-name";
    view! {
        <Dialog id=ADD_PASSKEY title="Add a passkey" shown=opened.is(ADD_PASSKEY)>
            <p class="muted">"Your browser asks where to keep it: on this device, in your password manager, on a phone nearby or on a security key."</p>
            <Field name="name" label="Name" help="So that you know it again. Left empty, it is called after this browser." id=id>
                <input class="input" id=id type="text" maxlength=PASSKEY_NAME_MAX.to_string() autocomplete="off" aria-describedby=format!("{id}-help") autofocus data-passkey-name/>
            </Field>
            <PasskeyButton
                what=PasskeyFor::Create
                label="Create the passkey"
                next=format!("{}?done=passkey_added", paths::SECURITY)
                confirm=paths::STEP_UP
                otherwise="A passkey needs JavaScript and a current browser. Switch JavaScript on, or open this page in another browser."
            />
        </Dialog>
    }
    .into_any()
}

fn rename_dialog(passkey: &Passkey, changes: Changes, opened: &Opened) -> AnyView {
    let (id, title) = (passkey.id.to_string(), format!("Rename {}", passkey.name));
    let dialog = rename(passkey.id);
    let error = opened.error(&dialog, changes.of_passkeys());
    let (shown, closing) = (opened.is(&dialog), dialog.clone());
    let name = opened.value(&dialog, "name", &passkey.name);
    let field = format!("field-name-{}", passkey.id);
    view! {
        <Dialog id=dialog title shown>
            <ActionForm action=changes.rename attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=&[]/>
                <input type="hidden" name="id" value=id/>
                <TextField name="name" label="Name" value=name problem=problem_of(error, "name") autocomplete="off" max_length=PASSKEY_NAME_MAX required=true autofocus=true id=field/>
                <DialogActions>
                    <DialogClose dialog=closing>"Cancel"</DialogClose>
                    <Button kind=ButtonKind::Primary>"Rename"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn remove_dialog(passkey: &Passkey, changes: Changes, opened: &Opened) -> AnyView {
    let (id, title) = (passkey.id.to_string(), format!("Remove {}?", passkey.name));
    let dialog = remove(passkey.id);
    let error = opened.error(&dialog, changes.of_passkeys());
    let (shown, closing) = (opened.is(&dialog), dialog.clone());
    view! {
        <Dialog id=dialog title shown>
            <p>"It will not sign you in any more. What your device keeps of it can be deleted there: here it is worth nothing."</p>
            <ActionForm action=changes.remove attr:class="grid gap-4">
                <FormErrors error labels=&[]/>
                <input type="hidden" name="id" value=id/>
                <DialogActions>
                    <DialogClose dialog=closing>"Keep it"</DialogClose>
                    <Button kind=ButtonKind::Danger>"Remove the passkey"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn password_dialog(security: &Security, changes: Changes, opened: &Opened) -> AnyView {
    let error = opened.error(PASSWORD, changes.password.value().get_untracked().and_then(Result::err));
    let email = security.email.clone();
    let title = if security.has_password { "Change the password" } else { "Set a password" };
    let help = format!(
        "At least {} characters. A few unrelated words are easy to remember.",
        contract::accounts::PASSWORD_MIN
    );
    view! {
        <Dialog id=PASSWORD title=title shown=opened.is(PASSWORD)>
            <p class="muted">"All your other sessions end."</p>
            <ActionForm action=changes.password attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=&[("password", "New password")]/>
                // Password managers look for whom the password belongs to.
                <input type="text" autocomplete="username" value=email hidden readonly/>
                <PasswordField label="New password" help=help problem=problem_of(error, "password") autocomplete="new-password" autofocus=true/>
                <DialogActions>
                    <DialogClose dialog=PASSWORD>"Cancel"</DialogClose>
                    <Button kind=ButtonKind::Primary>"Set the password"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn remove_password_dialog(changes: Changes, opened: &Opened) -> AnyView {
    let error = opened.error(REMOVE_PASSWORD, changes.remove_password.value().get_untracked().and_then(Result::err));
    view! {
        <Dialog id=REMOVE_PASSWORD title="Remove the password?" shown=opened.is(REMOVE_PASSWORD)>
            <p>"From then on a passkey or a recovery code signs you in. Nothing is left that could be guessed or phished."</p>
            <ActionForm action=changes.remove_password attr:class="grid gap-4">
                <FormErrors error labels=&[]/>
                <DialogActions>
                    <DialogClose dialog=REMOVE_PASSWORD>"Keep it"</DialogClose>
                    <Button kind=ButtonKind::Danger>"Remove the password"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn name_dialog(security: &Security, changes: Changes, opened: &Opened) -> AnyView {
    let error = opened.error(NAME, changes.name.value().get_untracked().and_then(Result::err));
    let value = opened.value(NAME, "name", &security.name);
    view! {
        <Dialog id=NAME title="Change your name" shown=opened.is(NAME)>
            <ActionForm action=changes.name attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=&[("name", "Name")]/>
                <TextField name="name" label="Name" value=value help="What you call yourself. Your colleagues see it." problem=problem_of(error, "name") autocomplete="name" required=true autofocus=true/>
                <DialogActions>
                    <DialogClose dialog=NAME>"Cancel"</DialogClose>
                    <Button kind=ButtonKind::Primary>"Change the name"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn email_dialog(changes: Changes, opened: &Opened) -> AnyView {
    let error = opened.error(EMAIL, changes.email.value().get_untracked().and_then(Result::err));
    let value = opened.value(EMAIL, "email", "");
    view! {
        <Dialog id=EMAIL title="Change your address" shown=opened.is(EMAIL)>
            <ActionForm action=changes.email attr:novalidate=true attr:class="grid gap-4">
                <FormErrors error labels=&[("email", "New address")]/>
                <TextField
                    name="email"
                    label="New address"
                    kind=InputKind::Email
                    value=value
                    help="We send a link to the old and to the new address. The change happens when both have agreed."
                    problem=problem_of(error, "email")
                    autocomplete="email"
                    required=true
                    autofocus=true
                />
                <DialogActions>
                    <DialogClose dialog=EMAIL>"Cancel"</DialogClose>
                    <Button kind=ButtonKind::Primary>"Send the links"</Button>
                </DialogActions>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

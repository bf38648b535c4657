//! `/dev/gallery`: every component in every state, for whoever reviews the look and for the accessibility test.
//!
//! Every value on it is a sample and says so. It is served in the demo only.

use contract::usage::UsagePoint;
use contract::{Environment, FieldProblem, Problem, Refusal};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::error::AppError;
use crate::layout::{SitePage, provide_frame};
use crate::ui::chart::{Bars, Spark};
use crate::ui::{
    Button, ButtonKind, Card, Checkbox, CodeBlock, Column, CopyButton, Dialog, DialogActions, DialogButton,
    DialogClose, EmptyState, EnvSwitch, Failure, FormErrors, Icon, IconView, LatencyBar, LinkButton, LogTable, Mark,
    Meter, Note, Notice, Pager, PasswordField, SecretText, Select, Skeleton, SkeletonChart, Stat, Stats, StatusCode,
    Step, Steps, Tab, Table, Tabs, Tag, TextArea, TextField, ThemeSwitch, Time, Tone, format,
};

/// A sample moment: 21 November 2026, 14:02:31.884 UTC.
const MOMENT: i64 = 1_795_269_751_884;

/// A name as long as forms allow, without a place to break.
const LONG: &str = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";

/// `/dev/gallery`: an application of its own, with this one page.
#[component]
#[must_use]
pub fn Gallery() -> impl IntoView {
    provide_meta_context();
    provide_frame();
    view! {
        <Router>
            <Routes fallback=GalleryPage>
                <Route path=path!("/dev/gallery") view=GalleryPage ssr=SsrMode::Async/>
            </Routes>
        </Router>
    }
}

#[component]
fn GalleryPage() -> impl IntoView {
    view! {
        <Title text="Gallery"/>
        <SitePage>{gallery()}</SitePage>
    }
    .into_any()
}

pub(crate) fn gallery() -> AnyView {
    view! {
        <div class="doc wide">
            <div class="grid gap-3">
                <h1>"Gallery"</h1>
                <p class="lead">"Every component in every state. All values on this page are samples."</p>
            </div>
            {part("Type", type_and_mark())} {part("Buttons", buttons())} {part("Icons", icons())}
            {part("Tags and statuses", tags())} {part("Fields", fields())} {part("Fields with problems", problems())}
            {part("Errors of a form", form_errors())} {part("Notices, notes, failures", notices())}
            {part("Cards and numbers", cards())} {part("Tables", tables())} {part("Request log", request_log())}
            {part("Charts", charts())} {part("Code, copying, secrets", code())} {part("Dialog", dialog())}
            {part("Empty states", empty())} {part("Steps", steps())} {part("Tabs, switches, pages", links())}
            {part("Time and numbers", time())} {part("Loading", loading())}
        </div>
    }
    .into_any()
}

fn part(title: &'static str, content: AnyView) -> AnyView {
    let id = title.to_ascii_lowercase().replace([' ', ','], "-");
    let labelled_by = id.clone();
    view! {
        <section class="grid gap-4 border-t border-line pt-6" aria-labelledby=labelled_by>
            <h2 id=id>{title}</h2>
            {content}
        </section>
    }
    .into_any()
}

/// A state with its name above it.
fn state(name: &'static str, content: AnyView) -> AnyView {
    view! {
        <div class="grid gap-2 min-w-0 content-start">
            <p class="small muted">{name}</p>
            <div class="min-w-0">{content}</div>
        </div>
    }
    .into_any()
}

fn type_and_mark() -> AnyView {
    view! {
        <div class="grid gap-3">
            <p class="flex items-center gap-4"><Mark/> <Mark big=true/> <span class="muted">"The mark, in two sizes"</span></p>
            <p class="text-document font-serif leading-tight">"Documents speak in this voice"</p>
            <p class="text-section font-serif">"Their sections in this one"</p>
            <p class="text-lg font-serif">"And their text in this one: what we promise is set in a serif, and nothing else is."</p>
            <p class="text-2xl">"28 on 36"</p>
            <p class="text-xl">"20 on 28, page titles"</p>
            <p>"14 on 20, the interface. "<a class="link" href="#type">"A link"</a>", "<b>"strong"</b>", "<span class="muted">"muted"</span>", "<span class="faint">"faint"</span>"."</p>
            <p class="small">"12 on 16, help and notes"</p>
            <p class="mono">"cs_live_…x7Qd 0123456789 /v1/sun/{place}"</p>
        </div>
    }
    .into_any()
}

fn buttons() -> AnyView {
    let row = |big: bool| {
        view! {
            <div class="flex flex-wrap gap-3 items-center">
                <Button push=true big kind=ButtonKind::Primary>"Create key"</Button>
                <Button push=true big>"Export"</Button>
                <Button push=true big kind=ButtonKind::Danger>"Revoke key"</Button>
                <Button push=true big kind=ButtonKind::Quiet icon=Icon::Pause>"Pause"</Button>
                <LinkButton href="#buttons" big icon=Icon::Book>"Read the docs"</LinkButton>
            </div>
        }
        .into_any()
    };
    view! {
        {state("Regular", row(false))} {state("Big", row(true))}
        {state(
            "Working: the size stays, clicks are ignored",
            view! {
                <div class="flex flex-wrap gap-3 items-center">
                    <Button push=true pending=true kind=ButtonKind::Primary>"Create key"</Button>
                    <Button push=true pending=true>"Send a new link"</Button>
                    <Button push=true pending=true kind=ButtonKind::Danger big=true>"Revoke key"</Button>
                </div>
            }
                .into_any(),
        )}
        {state(
            "Icon alone, with a name",
            view! {
                <div class="flex flex-wrap gap-3 items-center">
                    <Button push=true icon=Icon::Close label="Close"/>
                    <Button push=true icon=Icon::Settings label="Settings" kind=ButtonKind::Quiet/>
                    <ThemeSwitch/>
                </div>
            }
                .into_any(),
        )}
    }
    .into_any()
}

fn icons() -> AnyView {
    let all: Vec<AnyView> = Icon::ALL
        .into_iter()
        .map(|icon| {
            view! { <li class="flex items-center gap-2"><IconView icon/><span class="small muted">{format!("{icon:?}")}</span></li> }
                .into_any()
        })
        .collect();
    view! { <ul class="grid grid-cols-2 gap-2 sm:grid-cols-3 md:grid-cols-6">{all}</ul> }.into_any()
}

fn tags() -> AnyView {
    let tags: Vec<AnyView> =
        Tone::ALL.into_iter().map(|tone| view! { <Tag tone>{format!("{tone:?}")}</Tag> }.into_any()).collect();
    let statuses: Vec<AnyView> =
        [200, 204, 304, 404, 429, 502].into_iter().map(|status| view! { <StatusCode status/> }.into_any()).collect();
    view! {
        <div class="flex flex-wrap gap-2">{tags}</div>
        <div class="flex flex-wrap gap-4">{statuses}</div>
        <div class="flex flex-wrap gap-6">
            <span class="live on"><span class="dot"></span>"Live"</span>
            <span class="live"><span class="dot"></span>"Paused"</span>
            <span class="live lost"><span class="dot"></span>"Connecting again"</span>
        </div>
    }
    .into_any()
}

fn fields() -> AnyView {
    let environments = || Environment::ALL.map(|one| (one.word().to_owned(), one.label().to_owned())).to_vec();
    view! {
        <form class="grid gap-5 md:grid-cols-2" action="#fields">
            <TextField name="empty" label="Empty"/>
            <TextField name="help" label="With help" help="What your colleagues will recognise it by." placeholder="reports-cron"/>
            <TextField name="filled" label="Filled" value="Sample value"/>
            <TextField name="long" label="Long content" value=LONG/>
            <TextField name="mono" label="For ids and paths" value="/v1/sun/{place}" mono=true/>
            <TextArea name="lines" label="Several lines" value="First line\nSecond line" help="As many as you like."/>
            <PasswordField name="secret" help="At least 15 characters." autocomplete="new-password"/>
            <Select name="select" label="Choice" options=environments() selected="test"/>
            <div class="grid gap-3 content-start">
                <Checkbox name="unticked">"Not ticked"</Checkbox>
                <Checkbox name="ticked" checked=true>"Ticked, with a " <a class="link" href="#fields">"link"</a> " in its label"</Checkbox>
            </div>
        </form>
    }
    .into_any()
}

fn problems() -> AnyView {
    let environments = Environment::ALL.map(|one| (one.word().to_owned(), one.label().to_owned())).to_vec();
    view! {
        <form class="grid gap-5 md:grid-cols-2" action="#fields-with-problems">
            <TextField name="none" label="Nothing given" problem=Some(Problem::Empty) help="The help stays."/>
            <TextField name="address" label="Not an address" value="ada@" problem=Some(Problem::NotAnEmail)/>
            <TextField name="too-long" label="Too long" value=format!("{LONG}{LONG}{LONG}") problem=Some(Problem::TooLong { max: 200 })/>
            <TextArea name="document" label="Not a document" value="{" problem=Some(Problem::NotReadable) mono=true/>
            <PasswordField name="short" problem=Some(Problem::TooShort { min: 15 })/>
            <Select name="choice" label="Not a choice" options=environments problem=Some(Problem::NotAChoice)/>
            <Checkbox name="terms" problem=Some(Problem::TermsNotAccepted)>"I accept the terms"</Checkbox>
        </form>
    }
    .into_any()
}

fn form_errors() -> AnyView {
    let fields = vec![
        FieldProblem { field: "none".to_owned(), problem: Problem::Empty },
        FieldProblem { field: "address".to_owned(), problem: Problem::NotAnEmail },
    ];
    let invalid = AppError::Refused(Refusal::InvalidInput { fields });
    let broken = AppError::Broken { reference: "req_sample".to_owned() };
    view! {
        {errors("Fields that need another look", invalid)} {errors("Refused", AppError::Refused(Refusal::SignInFailed))}
        {errors("Our fault", broken)} {errors("No connection", AppError::Unreachable)}
    }
    .into_any()
}

fn errors(name: &'static str, error: AppError) -> AnyView {
    // Not `FormErrors` as pages use it: four of them would fight for the focus.
    let (error, _) = signal(Some(error));
    let labels = &[("none", "Nothing given"), ("address", "Not an address")];
    state(name, view! { <FormErrors error labels still=true/> }.into_any())
}

fn notices() -> AnyView {
    view! {
        <Notice title="Sample: check your mail">"A link is on its way to ada@northwind.example. It works once, for a day."</Notice>
        <Notice tone=Tone::Ok>"Sample: key revoked. The gateway refuses it from now on."</Notice>
        <Notice tone=Tone::Warn title="Sample: your address is not verified">"Open the link in the mail, or ask for a new one."</Notice>
        <Notice tone=Tone::Bad>"Sample: this link is too old."</Notice>
        <Note>"Not stored: address, user agent, query and body."</Note>
        <Failure error=AppError::Refused(Refusal::NotAllowed)/>
        <Failure error=AppError::Broken { reference: "req_sample".to_owned() }/>
        <Failure error=AppError::Unreachable/>
    }
    .into_any()
}

fn cards() -> AnyView {
    view! {
        <Stats>
            <Stat label="Requests (sample)" value=format::grouped(48_213)>"in the last 24 hours"</Stat>
            <Stat label="Refused (sample)" value=format::percent(868, 48_213)><Tag tone=Tone::Warn>"unknown_key"</Tag> "most of them"</Stat>
            <Stat label="Latency p95 (sample)" value=format::latency(41_300)/>
            <Stat label="Nothing yet" value="–">"no requests"</Stat>
        </Stats>
        <Card title="With a head (sample)" note="a few words beside it" actions=|| view! { <Button push=true>"Action"</Button> }>
            <p>"The body of a card."</p>
        </Card>
        <Card>"Without a head."</Card>
        <div class="grid gap-2 max-w-80">
            <Meter label="Calls with the new secret (sample)" value=71 max=100/>
            <Meter label="Calls with the old secret (sample)" value=29 max=100 tone=Tone::Warn/>
            <Meter label="Full (sample)" value=100 max=100 tone=Tone::Bad/>
            <Meter label="Nothing (sample)" value=0 max=0/>
        </div>
        <dl class="kv">
            <dt>"Request id"</dt>
            <dd class="mono">"req_sample"</dd>
            <dt>"Long content"</dt>
            <dd>{LONG}</dd>
        </dl>
    }
    .into_any()
}

fn tables() -> AnyView {
    let columns = || {
        vec![
            Column::text("Label"),
            Column::text("Key"),
            Column::text("Last 7 days").optional(),
            Column::text("State"),
            Column::number("Requests").optional(),
            Column::actions("Actions"),
        ]
    };
    let row = |label: &'static str, week: Vec<i64>, tone: Tone, word: &'static str| {
        let total: i64 = week.iter().sum();
        view! {
            <tr>
                <th scope="row">{label}</th>
                <td class="mono muted">"cs_live_…x7Qd"</td>
                <td class="opt"><Spark values=week over="last 7 days"/></td>
                <td><Tag tone>{word}</Tag></td>
                <td class="num opt">{format::grouped(total)}</td>
                <td class="actions"><Button push=true kind=ButtonKind::Danger>"Revoke"</Button></td>
            </tr>
        }
        .into_any()
    };
    view! {
        <Card title="Keys (sample)" flush=true>
            <Table label="Sample keys" columns=columns() fold=true>
                {row("sample-server", vec![120, 340, 80, 512, 470, 611, 90], Tone::Ok, "Active")}
                {row("sample-reveal", vec![0; 7], Tone::Warn, "Not revealed yet")}
                {row("sample-old", vec![9, 1, 0, 0, 0, 0, 0], Tone::Bad, "Revoked")}
                {row(LONG, vec![1, 1_000_000], Tone::Ok, "Long content")}
            </Table>
            <Pager summary="4 sample keys" newest=Some("#tables".to_owned()) older=Some("#tables".to_owned())/>
        </Card>
        <Card title="Empty" flush=true>
            <EmptyState icon=Icon::Key title="No keys yet" text="A key is what your program presents to the API."/>
        </Card>
    }
    .into_any()
}

fn request_log() -> AnyView {
    let columns = vec![
        Column::text("Time (UTC)"),
        Column::text("Status"),
        Column::text("Method"),
        Column::text("Route"),
        Column::number("Latency").optional(),
        Column::text("Key").optional(),
        Column::text("Code"),
    ];
    let row = |ms: i64,
               status: u16,
               method: &'static str,
               route: &'static str,
               us: i64,
               key: &'static str,
               code: &'static str| {
        view! {
            <tr role="row">
                <td role="cell" class="muted"><Time at=MOMENT - ms precise=true/></td>
                <td role="cell"><StatusCode status/></td>
                <td role="cell">{method}</td>
                <td role="cell" class="line">{route}</td>
                <td role="cell" class="num opt"><LatencyBar microseconds=us/></td>
                <td role="cell" class="opt">{key}</td>
                <td role="cell" class="end muted">{code}</td>
            </tr>
        }
        .into_any()
    };
    let any = |word: &str| vec![(String::new(), "any".to_owned()), (word.to_owned(), word.to_owned())];
    view! {
        <form class="filter-bar" role="search" aria-label="Filter (sample)" action="#request-log">
            <Select name="status" label="Status" options=any("5xx") selected="5xx"/>
            <Select name="method" label="Method" options=any("GET")/>
            <Select name="code" label="Code" options=any("unknown_key")/>
            <Select name="environment" label="Environment" options=any("live")/>
            <div class="filter-actions"><Button icon=Icon::Search>"Filter"</Button> <LinkButton href="#request-log" kind=ButtonKind::Quiet>"Clear"</LinkButton></div>
        </form>
        <Card title="Requests (sample)" flush=true actions=|| view! { <span class="live on"><span class="dot"></span>"Live"</span> }>
            <LogTable label="Sample requests" columns>
                {row(0, 200, "GET", "/v1/sun/{place}", 18_400, "sample-server", "")}
                {row(182, 401, "GET", "/v1/sun/{place}", 140, "cs_live_…Zt0e", "unknown_key")}
                {row(369, 502, "POST", "/v1/plans", 1_204_000, "sample-server", "upstream_down")}
                {row(1_204, 200, "GET", "/v1/sample/with/a/route/template/that/goes/on/and/on/{and}/{on}", 64_000, LONG, "")}
            </LogTable>
        </Card>
        <Card title="Empty" flush=true>
            <EmptyState icon=Icon::List title="No requests yet" text="Calls appear here within a second.">
                <CodeBlock label="Sample call" code="curl http://localhost:8080/sample/v1/zones \\\n  -H \"Authorization: Bearer $API_KEY\""/>
            </EmptyState>
        </Card>
    }
    .into_any()
}

/// A sample day: a slow wave, so that neighbouring bars differ.
fn sample_points(count: i64, bar_ms: i64) -> Vec<UsagePoint> {
    (0..count)
        .map(|place| {
            let wave = (place * 37) % 48;
            let slope = (24 - (place % 48 - 24).abs()) * 110;
            UsagePoint {
                at: MOMENT - MOMENT.rem_euclid(bar_ms) - (count - 1 - place) * bar_ms,
                accepted: 900 + slope + wave * 14,
                refused: if (30..34).contains(&place) { 640 } else { wave },
            }
        })
        .collect()
}

fn charts() -> AnyView {
    let legend = || {
        view! { <span class="legend"><Tag tone=Tone::Accent>"Accepted"</Tag><Tag tone=Tone::Bad>"Refused"</Tag></span> }
    };
    view! {
        <Card title="Requests (sample)" note="per 30 minutes, last 24 hours, UTC" actions=legend>
            <Bars points=sample_points(48, 1_800_000) bar_ms=1_800_000 label="Sample requests per 30 minutes, last 24 hours"/>
        </Card>
        <Card title="Low, above a list (sample)" note="per minute, last hour, UTC">
            <Bars points=sample_points(60, 60_000) bar_ms=60_000 label="Sample requests per minute, last hour" low=true/>
        </Card>
        <Card title="One refusal among a million (sample)">
            <Bars points=vec![UsagePoint { at: MOMENT, accepted: 1_000_000, refused: 1 }] bar_ms=1_800_000 label="Sample" low=true/>
        </Card>
        <Card title="Empty">
            <Bars points=vec![UsagePoint { at: MOMENT, accepted: 0, refused: 0 }; 48] bar_ms=1_800_000 label="No requests" low=true/>
        </Card>
        <div class="flex gap-8"><Spark values=vec![0, 4, 16, 1, 0, 8, 12] over="last 7 days (sample)"/> <Spark values=vec![0; 7] over="last 7 days (sample)"/></div>
    }
    .into_any()
}

fn code() -> AnyView {
    let call = "# Sample\ncurl http://localhost:8080/sample/v1/sun/lisbon \\\n  -H \"Authorization: Bearer $API_KEY\"";
    let answer = "{\n  \"place\": \"Sample\",\n  \"day_length_s\": 35785\n}";
    view! {
        {state("To copy", view! { <CodeBlock label="Sample request" code=call/> }.into_any())}
        {state("Output", view! { <CodeBlock label="Sample answer" code=answer output=true/> }.into_any())}
        {state("Long content", view! { <CodeBlock label="Sample of a long line" code=format!("curl http://localhost:8080/{LONG}/{LONG}/{LONG}")/> }.into_any())}
        {state("A secret, shown once", view! { <SecretText label="Sample secret" text="cs_test_THIS0IS0A0SAMPLE0AND0OPENS0NOTHING"/> }.into_any())}
        <p><CopyButton text="Sample" label="Copy as curl"/></p>
    }
    .into_any()
}

fn dialog() -> AnyView {
    view! {
        <p><DialogButton dialog="sample-dialog" kind=ButtonKind::Danger>"Revoke key"</DialogButton></p>
        <Dialog id="sample-dialog" title="Revoke sample-server?">
            <p>"Programs that use it are refused from this moment on. It cannot be undone. This is a sample: nothing is revoked."</p>
            <DialogActions>
                <DialogClose dialog="sample-dialog">"Keep it"</DialogClose>
                <Button push=true kind=ButtonKind::Danger>"Revoke key"</Button>
            </DialogActions>
        </Dialog>
    }
    .into_any()
}

fn empty() -> AnyView {
    view! {
        <Card flush=true>
            <EmptyState icon=Icon::Key title="No keys yet (sample)" text="A key is what your program presents to the API. Its secret is shown to you once.">
                <Button push=true kind=ButtonKind::Primary>"Create key"</Button>
            </EmptyState>
        </Card>
        <Card flush=true>
            <EmptyState icon=Icon::Search title="Nothing matches (sample)" text="No request of the last hour meets this filter. Take a part away, or wait: new ones appear by themselves."/>
        </Card>
    }
    .into_any()
}

fn steps() -> AnyView {
    view! {
        <Card title="Get to your first call (sample)" note="2 of 4 done" flush=true>
            <Steps>
                <Step done=true title="Verify your email" note="ada@northwind.example"/>
                <Step done=true title="Create a key" note="cs_live_…"/>
                <Step done=false title="Reveal its secret" note="We sent you a link. It works once, for a day."/>
                <Step done=false title="Make your first call" note="This page ticks itself when it arrives.">
                    <CodeBlock label="Sample call" code="curl http://localhost:8080/sample/v1/zones \\\n  -H \"Authorization: Bearer $API_KEY\""/>
                </Step>
            </Steps>
        </Card>
    }
    .into_any()
}

fn links() -> AnyView {
    let tab =
        |label: &str, current| Tab { label: label.to_owned(), href: "#tabs--switches--pages".to_owned(), current };
    view! {
        <div class="flex flex-wrap gap-4 items-center">
            <Tabs label="Range (sample)" tabs=vec![tab("1 h", false), tab("24 h", true), tab("7 d", false), tab("30 d", false)]/>
            <EnvSwitch current=Environment::Live href=|one| format!("#{}", one.word())/>
        </div>
    }
    .into_any()
}

fn time() -> AnyView {
    view! {
        <dl class="kv">
            <dt>"A moment"</dt>
            <dd><Time at=MOMENT/></dd>
            <dt>"In a log"</dt>
            <dd><Time at=MOMENT precise=true/></dd>
            <dt>"Numbers"</dt>
            <dd>{[format::grouped(1_234_567), format::compact(48_213), format::percent(1, 100_000), format::latency(1_204_000), format::bytes(1_450)].join(" · ")}</dd>
        </dl>
    }
    .into_any()
}

fn loading() -> AnyView {
    view! {
        <Card title="Text (sample)"><Skeleton lines=4/></Card>
        <Card title="Chart (sample)"><SkeletonChart/></Card>
    }
    .into_any()
}

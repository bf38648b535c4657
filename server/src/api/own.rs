//! Whom a token acts for, its organization, and the person's tokens.

use axum::http::Method;
use contract::Refusal;
use contract::access_tokens::Scope;

use super::call::{Answer, Call, No};
use super::operation::Operation;
use super::views::{Me, Organization, Token};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/openapi.json", "read_document", "This document", document).open(),
        Operation::new(Method::GET, "/me", "read_me", "Whom the token acts for, and what it may", me)
            .answers::<Me>(200),
        Operation::new(
            Method::GET,
            "/organization",
            "read_organization",
            "The organization and its members",
            organization,
        )
        .needs(Scope::OrganizationRead)
        .answers::<Organization>(200),
        Operation::new(Method::GET, "/tokens", "list_tokens", "The person's access tokens", list)
            .says("Those that work for this organization, the newest first, all of them on one page.")
            .needs(Scope::TokensWrite)
            .answers_page::<Token>(),
        Operation::new(Method::POST, "/tokens/{id}/revoke", "revoke_token", "Revoke an access token", revoke)
            .says("It opens nothing from now on. Twice is not an error. New ones are made in the console alone.")
            .needs(Scope::TokensWrite)
            .answers::<Token>(200),
    ]
}

async fn document(_: Call) -> Result<Answer, No> {
    Answer::one(super::document())
}

async fn me(call: Call) -> Result<Answer, No> {
    let holder = call.op.token().ok_or(Refusal::InvalidToken)?;
    Answer::one(&Me {
        account_id: holder.account.to_string(),
        name: holder.name.clone(),
        organization_id: holder.organization.id.to_string(),
        organization_name: holder.organization.name.clone(),
        role: holder.organization.role.word().to_owned(),
        staff_role: holder.staff.map(|role| role.word().to_owned()),
        token_id: holder.token.to_string(),
        scopes: holder.scopes.iter().map(|scope| scope.word().to_owned()).collect(),
    })
}

async fn organization(call: Call) -> Result<Answer, No> {
    Answer::one(&Organization::from(portal::organizations::read(&call.op).await?))
}

async fn list(call: Call) -> Result<Answer, No> {
    let tokens: Vec<Token> = portal::access_tokens::list(&call.op).await?.into_iter().map(Token::from).collect();
    Answer::page(&tokens, None)
}

async fn revoke(call: Call) -> Result<Answer, No> {
    Answer::one(&Token::from(portal::access_tokens::revoke(&call.op, call.id()?).await?))
}

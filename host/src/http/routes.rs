//! The route table: method, path, who may, handler. Router and OpenAPI document are both made from it.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use http::Method;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use super::auth::Access::{self, AnyKey, Open};
use super::guard::{Guard, pass};
use super::{
    Api, Server, bins, deliveries, endpoints, event_types, events, grants, hooks, jobs, keys, live, meta, openapi,
    plugin_trials, plugin_versions, plugins, records, runs, secrets, sources, spaces, triggers, webhooks, workflows,
};
use crate::model::Role;

const VIEWER: Access = Access::Role(Role::Viewer);
const INTEGRATOR: Access = Access::Role(Role::Integrator);
const ADMIN: Access = Access::Role(Role::Admin);

/// One line of the table.
pub struct Row {
    /// The method.
    pub method: Method,
    /// The path, ids in braces.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// The handler and its part of the OpenAPI document.
    pub operation: UtoipaMethodRouter<Api>,
}

/// The table.
#[rustfmt::skip]
pub fn table() -> Vec<Row> {
    let mut rows = vec![
        get("/",                                    Open,       routes!(meta::root)),
        get("/healthz",                             Open,       routes!(meta::healthz)),
        get("/readyz",                              Open,       routes!(meta::readyz)),
        get("/metrics",                             Open,       routes!(meta::show_metrics)),
        get("/api/v1/openapi.json",                 Open,       routes!(meta::show_openapi)),
        get("/api/v1/types/tenterhook.d.ts",        Open,       routes!(meta::show_script_types)),
        get("/api/v1/me",                           AnyKey,     routes!(meta::show_me)),
        get("/api/v1/backup",                       ADMIN,      routes!(meta::backup)),

        post("/in/{token}",                         Open,       routes!(hooks::receive_post)),
        put("/in/{token}",                          Open,       routes!(hooks::receive_put)),
        get("/in/{token}",                          Open,       routes!(hooks::receive_get)),
        // By any other method too, and below this path: see `router`.
        post("/bin/{token}",                        Open,       routes!(bins::receive)),

        get("/api/v1/keys",                         ADMIN,      routes!(keys::list_keys)),
        post("/api/v1/keys",                        ADMIN,      routes!(keys::create_key)),
        delete("/api/v1/keys/{id}",                 ADMIN,      routes!(keys::delete_key)),

        get("/api/v1/spaces",                       VIEWER,     routes!(spaces::list_spaces)),
        get("/api/v1/spaces/{space}",               VIEWER,     routes!(spaces::get_space)),
        put("/api/v1/spaces/{space}",               ADMIN,      routes!(spaces::save_space)),
    ];
    let more = plugin_rows().into_iter().chain(run_rows()).chain(outbound_rows()).chain(bin_rows());
    rows.extend(space_rows().into_iter().chain(more));
    rows
}

/// Definitions and records of a space.
#[rustfmt::skip]
fn space_rows() -> Vec<Row> {
    vec![
        get("/api/v1/spaces/{space}/secrets",                                   VIEWER,     routes!(secrets::list_secrets)),
        put("/api/v1/spaces/{space}/secrets/{name}",                            ADMIN,      routes!(secrets::save_secret)),
        delete("/api/v1/spaces/{space}/secrets/{name}",                         ADMIN,      routes!(secrets::delete_secret)),

        get("/api/v1/spaces/{space}/sources",                                   VIEWER,     routes!(sources::list_sources)),
        get("/api/v1/spaces/{space}/sources/{source}",                          VIEWER,     routes!(sources::get_source)),
        put("/api/v1/spaces/{space}/sources/{source}",                          INTEGRATOR, routes!(sources::save_source)),
        delete("/api/v1/spaces/{space}/sources/{source}",                       INTEGRATOR, routes!(sources::delete_source)),

        get("/api/v1/spaces/{space}/sources/{source}/records",                  VIEWER,     routes!(records::list_records)),
        post("/api/v1/spaces/{space}/sources/{source}/records",                 INTEGRATOR, routes!(records::insert_record)),
        get("/api/v1/spaces/{space}/sources/{source}/records/{key}",            VIEWER,     routes!(records::get_record)),
        put("/api/v1/spaces/{space}/sources/{source}/records/{key}",            INTEGRATOR, routes!(records::put_record)),
        patch("/api/v1/spaces/{space}/sources/{source}/records/{key}",          INTEGRATOR, routes!(records::update_record)),
        delete("/api/v1/spaces/{space}/sources/{source}/records/{key}",         INTEGRATOR, routes!(records::delete_record)),

        get("/api/v1/spaces/{space}/webhooks",                                  VIEWER,     routes!(webhooks::list_webhooks)),
        get("/api/v1/spaces/{space}/webhooks/{id}",                             VIEWER,     routes!(webhooks::get_webhook)),
        put("/api/v1/spaces/{space}/webhooks/{id}",                             INTEGRATOR, routes!(webhooks::save_webhook)),
        delete("/api/v1/spaces/{space}/webhooks/{id}",                          INTEGRATOR, routes!(webhooks::delete_webhook)),
        post("/api/v1/spaces/{space}/webhooks/{id}/test",                       INTEGRATOR, routes!(webhooks::test_webhook)),
        post("/api/v1/spaces/{space}/webhooks/{id}/clone",                      INTEGRATOR, routes!(webhooks::clone_webhook)),
    ]
}

/// Plugins and their versions.
#[rustfmt::skip]
fn plugin_rows() -> Vec<Row> {
    vec![
        get("/api/v1/spaces/{space}/plugins",                                   VIEWER,     routes!(plugins::list_plugins)),
        get("/api/v1/spaces/{space}/plugins/{name}",                            VIEWER,     routes!(plugins::get_plugin)),
        put("/api/v1/spaces/{space}/plugins/{name}",                            INTEGRATOR, routes!(plugins::save_plugin)),
        delete("/api/v1/spaces/{space}/plugins/{name}",                         INTEGRATOR, routes!(plugins::delete_plugin)),
        post("/api/v1/spaces/{space}/plugins/{name}/promote",                   INTEGRATOR, routes!(plugins::promote_plugin)),
        post("/api/v1/spaces/{space}/plugins/{name}/rollback",                  INTEGRATOR, routes!(plugins::roll_back_plugin)),
        put("/api/v1/spaces/{space}/plugins/{name}/canary",                     INTEGRATOR, routes!(plugins::set_canary)),
        delete("/api/v1/spaces/{space}/plugins/{name}/canary",                  INTEGRATOR, routes!(plugins::end_canary)),
        get("/api/v1/spaces/{space}/plugins/{name}/versions/{version}",         VIEWER,     routes!(plugin_versions::get_plugin_version)),
        put("/api/v1/spaces/{space}/plugins/{name}/versions/{version}",         INTEGRATOR, routes!(plugin_versions::upload_plugin)),
        delete("/api/v1/spaces/{space}/plugins/{name}/versions/{version}",      INTEGRATOR, routes!(plugin_versions::delete_plugin_version)),
        get("/api/v1/spaces/{space}/plugins/{name}/versions/{version}/component", VIEWER,   routes!(plugin_versions::get_component)),
        get("/api/v1/spaces/{space}/plugins/{name}/versions/{version}/grants",  VIEWER,     routes!(grants::get_grants)),
        put("/api/v1/spaces/{space}/plugins/{name}/versions/{version}/grants",  ADMIN,      routes!(grants::save_grants)),
        delete("/api/v1/spaces/{space}/plugins/{name}/versions/{version}/grants", ADMIN,    routes!(grants::delete_grants)),
        post("/api/v1/spaces/{space}/plugins/{name}/versions/{version}/dry-run", INTEGRATOR, routes!(plugin_trials::dry_run)),
        post("/api/v1/spaces/{space}/plugins/{name}/versions/{version}/time-travel", INTEGRATOR, routes!(plugin_trials::time_travel)),
        post("/api/v1/spaces/{space}/plugins/{name}/versions/{version}/release", INTEGRATOR, routes!(plugin_versions::release_plugin_version)),
    ]
}

/// Workflows, their triggers and runs, and events.
#[rustfmt::skip]
fn run_rows() -> Vec<Row> {
    vec![
        get("/api/v1/spaces/{space}/workflows",                                 VIEWER,     routes!(workflows::list_workflows)),
        get("/api/v1/spaces/{space}/workflows/{id}",                            VIEWER,     routes!(workflows::get_workflow)),
        put("/api/v1/spaces/{space}/workflows/{id}",                            INTEGRATOR, routes!(workflows::save_workflow)),
        delete("/api/v1/spaces/{space}/workflows/{id}",                         INTEGRATOR, routes!(workflows::delete_workflow)),
        get("/api/v1/spaces/{space}/workflows/{id}/document",                   VIEWER,     routes!(workflows::get_document)),
        get("/api/v1/spaces/{space}/workflows/{id}/versions",                   VIEWER,     routes!(workflows::list_workflow_versions)),
        get("/api/v1/spaces/{space}/workflows/{id}/versions/{version}",         VIEWER,     routes!(workflows::get_workflow_version)),
        post("/api/v1/spaces/{space}/workflows/{id}/duplicate",                 INTEGRATOR, routes!(workflows::duplicate_workflow)),
        post("/api/v1/spaces/{space}/workflows/{id}/runs",                      INTEGRATOR, routes!(runs::start_run)),

        get("/api/v1/spaces/{space}/workflows/{id}/trigger",                    VIEWER,     routes!(triggers::get_trigger)),
        put("/api/v1/spaces/{space}/workflows/{id}/trigger",                    INTEGRATOR, routes!(triggers::save_trigger)),
        delete("/api/v1/spaces/{space}/workflows/{id}/trigger",                 INTEGRATOR, routes!(triggers::delete_trigger)),
        post("/api/v1/spaces/{space}/workflows/{id}/trigger/rotate",            INTEGRATOR, routes!(triggers::rotate_trigger)),
        get("/api/v1/spaces/{space}/workflows/{id}/trigger/rejections",         VIEWER,     routes!(triggers::list_rejections)),

        get("/api/v1/spaces/{space}/runs",                                      VIEWER,     routes!(runs::list_runs)),
        get("/api/v1/spaces/{space}/runs/{id}",                                 VIEWER,     routes!(runs::get_run)),
        post("/api/v1/spaces/{space}/runs/{id}/cancel",                         INTEGRATOR, routes!(runs::cancel_run)),
        post("/api/v1/spaces/{space}/runs/{id}/rerun",                          INTEGRATOR, routes!(runs::rerun)),

        get("/api/v1/spaces/{space}/events",                                    VIEWER,     routes!(events::list_events)),
        post("/api/v1/spaces/{space}/events",                                   INTEGRATOR, routes!(events::publish_events)),
        get("/api/v1/spaces/{space}/events/{id}",                               VIEWER,     routes!(events::get_event)),
        get("/api/v1/spaces/{space}/deliveries",                                VIEWER,     routes!(deliveries::list_deliveries)),
        get("/api/v1/spaces/{space}/deliveries/{id}",                           VIEWER,     routes!(deliveries::get_delivery)),
        post("/api/v1/spaces/{space}/deliveries/{id}/retry",                    INTEGRATOR, routes!(deliveries::retry_delivery)),
        post("/api/v1/spaces/{space}/endpoints/{id}/test",                      INTEGRATOR, routes!(deliveries::test_endpoint)),
        post("/api/v1/spaces/{space}/endpoints/{id}/retry-failed",              INTEGRATOR, routes!(jobs::retry_failed)),
        post("/api/v1/spaces/{space}/endpoints/{id}/replay",                    INTEGRATOR, routes!(jobs::replay)),
        get("/api/v1/spaces/{space}/live",                                      VIEWER,     routes!(live::watch)),
        get("/api/v1/spaces/{space}/jobs",                                      VIEWER,     routes!(jobs::list_jobs)),
        get("/api/v1/spaces/{space}/jobs/{id}",                                 VIEWER,     routes!(jobs::get_job)),
        post("/api/v1/spaces/{space}/jobs/{id}/cancel",                         INTEGRATOR, routes!(jobs::cancel_job)),
    ]
}

/// The event catalogue, and endpoints.
#[rustfmt::skip]
fn outbound_rows() -> Vec<Row> {
    vec![
        get("/api/v1/spaces/{space}/event-types",                               VIEWER,     routes!(event_types::list_event_types)),
        get("/api/v1/spaces/{space}/event-types/{name}",                        VIEWER,     routes!(event_types::get_event_type)),
        put("/api/v1/spaces/{space}/event-types/{name}",                        INTEGRATOR, routes!(event_types::save_event_type)),
        delete("/api/v1/spaces/{space}/event-types/{name}",                     INTEGRATOR, routes!(event_types::delete_event_type)),
        get("/api/v1/spaces/{space}/event-types/{name}/versions",               VIEWER,     routes!(event_types::list_event_type_versions)),
        get("/api/v1/spaces/{space}/event-types/{name}/versions/{version}",     VIEWER,     routes!(event_types::get_event_type_version)),

        get("/api/v1/spaces/{space}/endpoints",                                 VIEWER,     routes!(endpoints::list_endpoints)),
        get("/api/v1/spaces/{space}/endpoints/{id}",                            VIEWER,     routes!(endpoints::get_endpoint)),
        put("/api/v1/spaces/{space}/endpoints/{id}",                            INTEGRATOR, routes!(endpoints::save_endpoint)),
        delete("/api/v1/spaces/{space}/endpoints/{id}",                         INTEGRATOR, routes!(endpoints::delete_endpoint)),
        post("/api/v1/spaces/{space}/endpoints/{id}/pause",                     INTEGRATOR, routes!(endpoints::pause_endpoint)),
        post("/api/v1/spaces/{space}/endpoints/{id}/disable",                   INTEGRATOR, routes!(endpoints::disable_endpoint)),
        post("/api/v1/spaces/{space}/endpoints/{id}/resume",                    INTEGRATOR, routes!(endpoints::resume_endpoint)),
        post("/api/v1/spaces/{space}/endpoints/{id}/rotate",                    INTEGRATOR, routes!(endpoints::rotate_endpoint)),
        get("/api/v1/spaces/{space}/endpoints/{id}/public-keys",                VIEWER,     routes!(endpoints::list_public_keys)),
    ]
}

/// Request bins.
#[rustfmt::skip]
fn bin_rows() -> Vec<Row> {
    vec![
        get("/api/v1/spaces/{space}/bins",                                      VIEWER,     routes!(bins::list_bins)),
        get("/api/v1/spaces/{space}/bins/{id}",                                 VIEWER,     routes!(bins::get_bin)),
        put("/api/v1/spaces/{space}/bins/{id}",                                 INTEGRATOR, routes!(bins::save_bin)),
        delete("/api/v1/spaces/{space}/bins/{id}",                              INTEGRATOR, routes!(bins::delete_bin)),
        get("/api/v1/spaces/{space}/bins/{id}/requests",                        VIEWER,     routes!(bins::list_captures)),
        delete("/api/v1/spaces/{space}/bins/{id}/requests",                     INTEGRATOR, routes!(bins::clear_bin)),
        get("/api/v1/spaces/{space}/bins/{id}/requests/{request}",              VIEWER,     routes!(bins::get_capture)),
        get("/api/v1/spaces/{space}/bins/{id}/live",                            VIEWER,     routes!(bins::watch_bin)),
    ]
}

fn get(path: &'static str, access: Access, operation: UtoipaMethodRouter<Api>) -> Row {
    Row { method: Method::GET, path, access, operation }
}

fn post(path: &'static str, access: Access, operation: UtoipaMethodRouter<Api>) -> Row {
    Row { method: Method::POST, path, access, operation }
}

fn put(path: &'static str, access: Access, operation: UtoipaMethodRouter<Api>) -> Row {
    Row { method: Method::PUT, path, access, operation }
}

fn patch(path: &'static str, access: Access, operation: UtoipaMethodRouter<Api>) -> Row {
    Row { method: Method::PATCH, path, access, operation }
}

fn delete(path: &'static str, access: Access, operation: UtoipaMethodRouter<Api>) -> Row {
    Row { method: Method::DELETE, path, access, operation }
}

/// The router of all routes.
pub fn router(server: Server) -> Router {
    let api: Api = Arc::new(server);
    let mut router = Router::new();
    for Row { path, access, operation: (_, _, handler), .. } in table() {
        router = match path {
            // Inbound calls are the hot path: they have no guard but the trigger's own key, and count for themselves.
            hooks::PATH => router.route(path, handler),
            // So do bins, and their URL is any path below as well, even one that is no text.
            bins::PATH => std::iter::once(path)
                .chain(bins::PATHS_BELOW)
                .fold(router, |router, path| router.route(path, any(bins::receive))),
            _ => {
                let guard = Guard { api: Arc::clone(&api), access, route: path };
                router.route(path, handler.route_layer(from_fn_with_state(guard, pass)))
            }
        };
    }
    router.method_not_allowed_fallback(meta::wrong_method).fallback(meta::no_route).with_state(api)
}

/// The OpenAPI 3.1 document of all routes.
pub fn document() -> OpenApi {
    openapi::document(table())
}

//! The OpenAPI document: what handlers say of themselves, completed from the route table.

use http::Method;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem, Paths};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, License, ObjectBuilder, OpenApi, Ref, Required, ResponseBuilder, Type,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::auth::Access;
use super::problem::{PROBLEM_JSON, Problem, ProblemField, ProblemUser};
use super::routes::Row;
use crate::model::{LogLine, Role};

const KEY_SCHEME: &str = "key";
const ABOUT: &str = "Webhooks in and out, durable workflows between them, WebAssembly plugins that shape both.";

/// The document of `rows`.
pub fn document(rows: Vec<Row>) -> OpenApi {
    let mut paths = Paths::new();
    let mut components = Components::new();
    components.schemas.extend([
        ("Problem".to_owned(), Problem::schema()),
        ("ProblemField".to_owned(), ProblemField::schema()),
        ("ProblemUser".to_owned(), ProblemUser::schema()),
        (LogLine::name().into_owned(), LogLine::schema()),
    ]);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API key")).build();
    components.security_schemes.insert(KEY_SCHEME.to_owned(), SecurityScheme::Http(bearer).into());
    for row in rows {
        let (schemas, operations, _) = row.operation;
        components.schemas.extend(schemas);
        let own = operations.paths.into_values().find_map(|mut item| operation(&mut item, &row.method).take());
        if let Some(own) = own {
            let mut item = PathItem::default();
            *operation(&mut item, &row.method) = Some(complete(own, row.path, row.access));
            match paths.paths.get_mut(row.path) {
                Some(former) => former.merge_operations(item),
                None => drop(paths.paths.insert(row.path.to_owned(), item)),
            }
        }
    }
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    let info = InfoBuilder::new()
        .title("tenterhook")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license))
        .build();
    let mut document = OpenApi::new(info, paths);
    document.components = Some(components);
    document
}

/// The place of a method in a path item.
fn operation<'a>(item: &'a mut PathItem, method: &Method) -> &'a mut Option<Operation> {
    match *method {
        Method::POST => &mut item.post,
        Method::PUT => &mut item.put,
        Method::PATCH => &mut item.patch,
        Method::DELETE => &mut item.delete,
        _ => &mut item.get,
    }
}

/// Adds what the table knows: path parameters, who may, and that everything can answer a problem.
fn complete(mut operation: Operation, path: &str, access: Access) -> Operation {
    let mut parameters: Vec<_> = ids(path).map(|name| path_parameter(name).into()).collect();
    parameters.extend(operation.parameters.take().unwrap_or_default());
    operation.parameters = (!parameters.is_empty()).then_some(parameters);
    let who = match access {
        Access::Open => "Needs no key.",
        Access::AnyKey => "Needs a key of any role.",
        Access::Role(Role::Viewer) => "Needs the role viewer.",
        Access::Role(Role::Integrator) => "Needs the role integrator.",
        Access::Role(Role::Admin) => "Needs the role admin.",
    };
    operation.description = Some(match operation.description.take() {
        Some(text) => format!("{text}\n\n{who}"),
        None => who.to_owned(),
    });
    let keys: [&str; 0] = [];
    operation.security = Some(match access {
        Access::Open => vec![],
        _ => vec![SecurityRequirement::new(KEY_SCHEME, keys)],
    });
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem = ResponseBuilder::new().description("A problem (RFC 9457)").content(PROBLEM_JSON, content).build();
    operation.responses.responses.insert("default".to_owned(), problem.into());
    operation
}

fn path_parameter(name: &str) -> utoipa::openapi::path::Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(parameter_help(name)))
        .schema(Some(text))
        .build()
}

/// The names in braces.
pub(super) fn ids(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn parameter_help(name: &str) -> &'static str {
    match name {
        "space" => "The space, such as `default`",
        "source" => "The source",
        "key" => "The key of the record",
        "name" => "The name",
        "version" => "The version: `1.2.0` (semver) of a plugin, a number of others",
        "token" => "The unguessable part of the URL of a trigger or a bin",
        "request" => "The id of the request",
        _ => "The id",
    }
}

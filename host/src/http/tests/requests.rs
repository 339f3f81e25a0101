//! Whatever is wrong with a request is answered with a problem that says what.

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, header};

use super::{BODY_BYTES_MAX, Bench, request};
use crate::http::answer::Condition;
use crate::http::auth::Access;
use crate::http::body::{self, BODY_TIMEOUT, BodyError};
use crate::http::guard::{Guard, pass};
use crate::http::page::page;
use crate::http::routes::table;
use crate::model::Role;
use crate::store::Expect;

/// A path of the table with ids put in.
fn sample(path: &str) -> String {
    let part = |part: &str| match part {
        "{space}" => "default".to_owned(),
        "{version}" => "1.0.0".to_owned(),
        id if id.starts_with('{') => "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        word => word.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_that_is_not_open_wants_a_key_of_the_role_in_the_table() {
    let bench = Bench::start().await;
    let viewer = bench.key(Role::Viewer, None).await;
    let integrator = bench.key(Role::Integrator, None).await;
    for row in table() {
        let place = format!("{} {}", row.method, row.path);
        let call = |key: Option<&str>| {
            let mut builder = Request::builder().method(&row.method).uri(sample(row.path));
            if let Some(key) = key {
                builder = builder.header(header::AUTHORIZATION, format!("Bearer {key}"));
            }
            bench.send(builder.body(Body::empty()).expect("a request"))
        };
        if row.access == Access::Open {
            continue;
        }
        let answer = call(None).await;
        assert_eq!(answer.problem(), (401, "no-key"), "{place}");
        assert_eq!(answer.header(header::WWW_AUTHENTICATE), "Bearer realm=\"tenterhook\"", "{place}");
        assert_eq!(call(Some("th_wrong")).await.problem(), (401, "wrong-key"), "{place}");
        let lower = match row.access {
            Access::Role(Role::Admin) => Some(&integrator),
            Access::Role(Role::Integrator) => Some(&viewer),
            _ => None,
        };
        if let Some(key) = lower {
            assert_eq!(call(Some(key)).await.problem(), (403, "forbidden"), "{place}");
        }
    }
}

#[tokio::test]
async fn a_key_of_one_space_opens_that_space_only() {
    let bench = Bench::start().await;
    bench.call("PUT", "/api/v1/spaces/other", "{\"name\": \"Other\"}").await;
    let key = bench.key(Role::Viewer, Some("other")).await;
    let get = |path: &str| {
        let mut request = request("GET", path, "");
        let value = HeaderValue::try_from(format!("Bearer {key}")).expect("a header");
        request.headers_mut().insert(header::AUTHORIZATION, value);
        bench.send(request)
    };
    assert_eq!(get("/api/v1/spaces/other/sources").await.status, 200);
    assert_eq!(get("/api/v1/spaces/default/sources").await.problem(), (403, "forbidden"));
    assert_eq!(get("/api/v1/spaces").await.problem(), (403, "forbidden"));
    let me = get("/api/v1/me").await;
    assert_eq!((&me.body["role"], &me.body["space"]), (&"viewer".into(), &"other".into()));
    assert!(me.body.get("key").is_none() && me.body.get("hash").is_none());
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_problems() {
    let bench = Bench::start().await;
    for path in ["/nowhere", "/api/v1/nowhere", "/api/v1/spaces/", "/in/", "/in/a/b"] {
        assert_eq!(bench.call("GET", path, "").await.problem(), (404, "not-found"), "{path}");
    }
    let answer = bench.call("DELETE", "/api/v1/spaces", "").await;
    assert_eq!(answer.problem(), (405, "method-not-allowed"));
    assert_eq!(answer.header(header::ALLOW), "GET,HEAD");
    // A trigger's verifier may take GET: whether it does, the trigger says.
    assert_eq!(bench.call("GET", "/in/token", "").await.problem(), (404, "unknown-trigger"));
    let answer = bench.call("DELETE", "/in/token", "").await;
    assert_eq!(answer.problem(), (405, "method-not-allowed"));
    assert_eq!(answer.header(header::ALLOW), "POST,PUT,GET,HEAD");
}

#[tokio::test]
async fn a_body_that_is_no_json_or_of_another_shape_says_where() {
    let bench = Bench::start().await;
    let put = |body: &'static str| bench.call("PUT", "sources/s", body);
    let answer = put("{\n  \"key\": }").await;
    assert_eq!(answer.problem(), (400, "bad-body"));
    assert_eq!((&answer.body["errors"][0]["line"], &answer.body["errors"][0]["column"]), (&2.into(), &10.into()));
    let answer = put("{\"key\": \"a\", \"fields\": {\"a\": {\"type\": \"text\"}}}").await;
    assert_eq!(answer.problem(), (422, "invalid"));
    assert_eq!(answer.body["errors"][0]["field"], "fields.a.type");
    let answer = put("{\"kee\": \"a\"}").await;
    assert_eq!(answer.problem(), (422, "invalid"));
    assert!(answer.body["detail"].as_str().expect("a text").contains("unknown field `kee`"), "{answer:?}");
    for body in ["{\"key\": \"a\"} x", "[]", "\"\"", "nul", "\u{0}"] {
        let answer = put(body).await;
        assert!(matches!(answer.problem().0, 400 | 422), "{body}");
    }
    let mut form = request("PUT", "sources/s", "key=a");
    form.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    assert_eq!(bench.send(form).await.problem(), (415, "unsupported-media-type"));
}

#[tokio::test]
async fn an_array_is_no_object_even_of_optional_fields() {
    let bench = Bench::start().await;
    for (method, path, body) in [
        ("PUT", "plugins/p/versions/1.0.0/grants", "[]"),
        ("PUT", "endpoints/e", "[]"),
        ("PUT", "endpoints/e", r#"{"url": "https://a.example", "event_types": ["a"], "policy": []}"#),
        ("PUT", "bins/b", "[]"),
        ("POST", "endpoints/e/pause", "[]"),
        ("POST", "workflows/w/runs", "[]"),
    ] {
        let answer = bench.call(method, path, body).await;
        assert_eq!(answer.problem(), (422, "invalid"), "{path} {body}");
        let reason = answer.body["errors"][0]["reason"].as_str().unwrap_or_default();
        assert!(reason.starts_with("invalid type: sequence, expected struct"), "{path} {body}: {answer:?}");
    }
}

#[tokio::test]
async fn bad_ids_and_query_parameters_are_bad_requests() {
    let bench = Bench::start().await;
    for path in
        ["runs/not-a-uuid", "sources/sp%20ace", "sources/%FF", "plugins/p/versions/one", "workflows/w/versions/-1"]
    {
        assert_eq!(bench.call("GET", path, "").await.problem(), (400, "bad-request"), "{path}");
    }
    for query in ["limit=0", "limit=201", "limit=x", "colour=red", "status=lost", "workflow=a%20b"] {
        assert_eq!(bench.call("GET", &format!("runs?{query}"), "").await.problem(), (400, "bad-request"), "{query}");
    }
    assert_eq!(bench.call("GET", "runs?cursor=garbage", "").await.problem(), (400, "bad-cursor"));
}

#[test]
fn a_page_has_1_to_200_items_and_50_by_default() {
    assert_eq!(page(None, None).expect("defaults").limit, 50);
    assert_eq!(page(Some(String::new()), Some(200)).expect("the most").cursor, None);
    for limit in [0, 201, usize::MAX] {
        let problem = page(None, Some(limit)).expect_err("out of range");
        assert_eq!((problem.code.as_ref(), problem.errors[0].field.as_str()), ("bad-request", "limit"));
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_too_large_whether_it_says_so_or_not() {
    let bench = Bench::start().await;
    let large = format!("{{\"key\": \"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    assert_eq!(bench.call("PUT", "sources/s", &large).await.problem(), (413, "body-too-large"));
    let chunks = (0..20).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1_000])));
    let (parts, _) = request("PUT", "sources/s", "{}").into_parts();
    let streamed = Request::from_parts(parts, Body::from_stream(stream::iter(chunks.collect::<Vec<_>>())));
    assert_eq!(bench.send(streamed).await.problem(), (413, "body-too-large"));
    let mut upload = request("PUT", "plugins/p/versions/1.0.0", &large);
    upload.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/wasm"));
    assert_eq!(bench.send(upload).await.problem(), (413, "body-too-large"));
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_read_whole() {
    let chunks = [vec![1_u8; 5], Vec::new(), vec![2_u8; 5]].map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
    let bytes = body::read(&HeaderMap::new(), Body::from_stream(stream::iter(chunks)), 10).await.expect("it fits");
    assert_eq!(bytes.as_ref(), [1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    let whole = body::read(&HeaderMap::new(), Body::from(vec![3_u8; 10]), 10).await.expect("it fits");
    assert_eq!(whole.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_dribbles_is_cut_off() {
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let started = tokio::time::Instant::now();
    let error = body::read(&HeaderMap::new(), never, 10).await.expect_err("it never comes");
    assert!(matches!(error, BodyError::TooSlow));
    assert_eq!(started.elapsed(), BODY_TIMEOUT);
}

#[test]
fn conditions_are_read_from_if_match_and_if_none_match() {
    let of = |name: header::HeaderName, text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(name, text.parse().expect("a header value"));
        Condition::of(&headers).map(|condition| condition.0).map_err(|problem| problem.status)
    };
    assert_eq!(Condition::of(&HeaderMap::new()).expect("none").0, Expect::Any);
    assert_eq!(of(header::IF_MATCH, "\"7\""), Ok(Expect::At(7)));
    assert_eq!(of(header::IF_NONE_MATCH, "*"), Ok(Expect::Absent));
    for bad in ["7", "W/\"7\"", "*", "\"x\"", "\"1\", \"2\""] {
        assert_eq!(of(header::IF_MATCH, bad), Err(400), "{bad}");
    }
    assert_eq!(of(header::IF_NONE_MATCH, "\"7\""), Err(400));
}

#[tokio::test]
async fn a_handler_that_panics_answers_a_problem() {
    async fn clumsy() {
        panic!("dropped a plate");
    }
    let mut bench = Bench::start().await;
    let guard = Guard { api: bench.api(), access: Access::Open, route: "/clumsy" };
    bench.router = Router::new().route("/clumsy", get(clumsy).route_layer(from_fn_with_state(guard, pass)));
    let answer = bench.call("GET", "/clumsy", "").await;
    assert_eq!(answer.problem(), (500, "internal"));
    assert!(!answer.body.to_string().contains("plate"), "the cause is for the log");
}

#[tokio::test]
async fn an_inbound_call_to_nowhere_is_a_problem_and_never_asks_for_a_bearer_of_ours() {
    let bench = Bench::start().await;
    for method in ["POST", "PUT"] {
        assert_eq!(bench.call(method, "/in/unknown", "{}").await.problem(), (404, "unknown-trigger"));
    }
    let large = "x".repeat(BODY_BYTES_MAX + 1);
    assert_eq!(bench.call("POST", "/in/unknown", &large).await.problem(), (404, "unknown-trigger"), "it is not read");
}

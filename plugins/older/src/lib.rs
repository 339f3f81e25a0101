//! A template built against version 0.0.9 of the interface (`wit/compat/0.0.9`), which the SDK has left behind: proof
//! that such a component keeps working. Not for users.

use serde_json::{Value, json};

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/compat/0.0.9",
        world: "template-plugin",
        generate_all,
        pub_export_macro: true,
    });
}

pub use bindings::exports::tenterhook::plugin::payload_template::{Call, Failure, Guest, Request};
pub use bindings::tenterhook::plugin::types::Field;

/// Sends its input, with what it knows of the call, to the `url` of its configuration.
pub struct Older;

impl Guest for Older {
    fn render(call: Call, input: String) -> Result<Option<Request>, Failure> {
        let config: Value = serde_json::from_str(&call.config).unwrap_or_default();
        if config["nothing"] == true {
            return Ok(None);
        }
        let url = config["url"].as_str().ok_or_else(|| Failure::Invalid("url is missing".to_owned()))?;
        #[cfg(target_arch = "wasm32")]
        bindings::tenterhook::plugin::log::write(&format!("to {url}"));
        let input: Value = serde_json::from_str(&input).map_err(|error| Failure::Rejected(error.to_string()))?;
        let body = json!({ "space": call.space, "id": call.id, "input": input });
        let headers = vec![Field { name: "content-type".to_owned(), value: "application/json".to_owned() }];
        Ok(Some(Request {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers,
            body: body.to_string().into_bytes(),
        }))
    }
}

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "the ABI of exports, as wit-bindgen writes it")]
const _: () = {
    bindings::export!(Older with_types_in bindings);
};

#[cfg(test)]
mod tests {
    use super::*;

    fn render(config: &str) -> Result<Option<Request>, Failure> {
        let call = Call { space: "s".to_owned(), id: "call-1".to_owned(), config: config.to_owned() };
        Older::render(call, r#"{"n":1}"#.to_owned())
    }

    #[test]
    fn it_sends_what_it_was_given_where_its_configuration_says() {
        let request = render(r#"{"url":"https://a.example/x"}"#).unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://a.example/x"));
        assert_eq!(request.body, br#"{"space":"s","id":"call-1","input":{"n":1}}"#);
        assert!(render(r#"{"nothing":true}"#).unwrap().is_none());
        assert!(matches!(render("null"), Err(Failure::Invalid(_))));
    }
}

//! What wit-bindgen makes of `wit/tenterhook.wit`: one world per interface, so that a plugin exports what it chooses.

/// The types and the log import, shared by all worlds. What a component does not use it does not import.
pub mod base {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package tenterhook:guest-base;
                 world base { import tenterhook:plugin/types@0.1.0; import tenterhook:plugin/troubles@0.1.0;
                              import tenterhook:plugin/log@0.1.0; }",
        generate_all,
        generate_unused_types: true,
    });
}

/// The world of a plugin that builds requests.
pub mod template {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package tenterhook:guest-template;
                 world template { export tenterhook:plugin/payload-template@0.1.0; }",
        with: { "tenterhook:plugin/types@0.1.0": crate::bindings::base::tenterhook::plugin::types },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "__export_template",
    });
}

/// The world of a plugin that reads responses.
pub mod mapping {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package tenterhook:guest-mapping;
                 world mapping { export tenterhook:plugin/response-mapping@0.1.0; }",
        with: { "tenterhook:plugin/types@0.1.0": crate::bindings::base::tenterhook::plugin::types },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "__export_mapping",
    });
}

/// The world of a plugin that is a step of a workflow.
pub mod action {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package tenterhook:guest-action;
                 world action { export tenterhook:plugin/trigger-action@0.1.0; }",
        with: { "tenterhook:plugin/types@0.1.0": crate::bindings::base::tenterhook::plugin::types },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "__export_action",
    });
}

/// The world of a plugin that says who calls.
pub mod verifier {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package tenterhook:guest-verifier;
                 world verifier { export tenterhook:plugin/inbound-verifier@0.1.0; }",
        with: { "tenterhook:plugin/types@0.1.0": crate::bindings::base::tenterhook::plugin::types },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "__export_verifier",
    });
}

/// What the host offers to actions. A component imports those interfaces only of which it calls a function.
pub mod capabilities {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package tenterhook:guest-capabilities;
                 world capabilities {
                     import tenterhook:plugin/records@0.1.0; import tenterhook:plugin/events@0.1.0;
                     import tenterhook:plugin/webhooks@0.1.0; import tenterhook:plugin/state@0.1.0;
                     import tenterhook:plugin/secrets@0.1.0;
                 }",
        with: {
            "tenterhook:plugin/types@0.1.0": crate::bindings::base::tenterhook::plugin::types,
            "tenterhook:plugin/troubles@0.1.0": crate::bindings::base::tenterhook::plugin::troubles,
        },
        generate_all,
    });
}

/// The world of a plugin that describes itself.
pub mod describe {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package tenterhook:guest-describe;
                 world describe { export tenterhook:plugin/describe@0.1.0; }",
        with: { "tenterhook:plugin/types@0.1.0": crate::bindings::base::tenterhook::plugin::types },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "__export_describe",
    });
}

//go:build !wasm

package tenterhook

import "errors"

// Outside WebAssembly, in tests, there is no server: nothing is logged, and capabilities refuse.
var errNoServer = errors.New("there is no server outside WebAssembly")

// Log writes a line to the log of the call.
func Log(Level, string) {}

// RecordsGet gives the fields of a record, a JSON object, and whether there is such a record.
func RecordsGet(source, key string) (string, bool, error) { return "", false, errNoServer }

// RecordsUpsert changes fields of a record, or inserts it, and gives all its fields; both are JSON objects.
func RecordsUpsert(source, key, fields string) (string, error) { return "", errNoServer }

// EventsEmit publishes an event, data being JSON, and gives its id.
func EventsEmit(eventType, data, key string) (string, error) { return "", errNoServer }

// WebhooksCall calls a webhook with data, which is JSON, and gives what came of it.
func WebhooksCall(webhook, data string) (Outcome, error) { return Outcome{}, errNoServer }

// StateGet gives a value of the plugin's own store, JSON, and whether there is one.
func StateGet(key string) (string, bool, error) { return "", false, errNoServer }

// StateSet sets a value, JSON, of the plugin's own store.
func StateSet(key, value string) error { return errNoServer }

// StateDelete removes a value of the plugin's own store.
func StateDelete(key string) error { return errNoServer }

// SecretsGet gives a secret of the space.
func SecretsGet(name string) (string, error) { return "", errNoServer }

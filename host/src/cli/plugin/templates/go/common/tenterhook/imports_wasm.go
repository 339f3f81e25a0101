package tenterhook

//go:wasmimport tenterhook:plugin/log@0.1.0 write
func logWrite(level, text, length uint32)

// Log writes a line to the log of the call.
func Log(level Level, text string) {
	address, length := place([]byte(text))
	logWrite(uint32(level), address, length)
}

//go:wasmimport tenterhook:plugin/records@0.1.0 get
func recordsGet(source, sourceLen, key, keyLen, result uint32)

// RecordsGet gives the fields of a record, a JSON object, and whether there is such a record.
func RecordsGet(source, key string) (string, bool, error) {
	s, sLen, k, kLen, result := text2(source, key)
	recordsGet(s, sLen, k, kLen, result.address())
	return result.optionOrTrouble()
}

//go:wasmimport tenterhook:plugin/records@0.1.0 upsert
func recordsUpsert(source, sourceLen, key, keyLen, fields, fieldsLen, result uint32)

// RecordsUpsert changes fields of a record, or inserts it, and gives all its fields; both are JSON objects.
func RecordsUpsert(source, key, fields string) (string, error) {
	s, sLen, k, kLen, result := text2(source, key)
	f, fLen := place([]byte(fields))
	recordsUpsert(s, sLen, k, kLen, f, fLen, result.address())
	return result.textOrTrouble()
}

//go:wasmimport tenterhook:plugin/events@0.1.0 emit
func eventsEmit(kind, kindLen, data, dataLen, hasKey, key, keyLen, result uint32)

// EventsEmit publishes an event, data being JSON, and gives its id. Deliveries of events that have the same key are
// ordered; an empty key is none.
func EventsEmit(eventType, data, key string) (string, error) {
	t, tLen, d, dLen, result := text2(eventType, data)
	k, kLen := place([]byte(key))
	eventsEmit(t, tLen, d, dLen, min(kLen, 1), k, kLen, result.address())
	return result.textOrTrouble()
}

//go:wasmimport tenterhook:plugin/webhooks@0.1.0 call
func webhooksCall(webhook, webhookLen, data, dataLen, result uint32)

// WebhooksCall calls a webhook with data, which is JSON, and gives what came of it.
func WebhooksCall(webhook, data string) (Outcome, error) {
	w, wLen, d, dLen, result := text2(webhook, data)
	webhooksCall(w, wLen, d, dLen, result.address())
	switch {
	case *result.byte(0) == 1:
		return Outcome{}, result.trouble()
	case *result.byte(4) == 1:
		return Outcome{Failed: result.text(8)}, nil
	default:
		return Outcome{Status: *result.half(8), Fields: result.text(12)}, nil
	}
}

//go:wasmimport tenterhook:plugin/state@0.1.0 get
func stateGet(key, keyLen, result uint32)

// StateGet gives a value of the plugin's own store, JSON, and whether there is one.
func StateGet(key string) (string, bool, error) {
	k, kLen := place([]byte(key))
	result := newArea(resultBytes)
	stateGet(k, kLen, result.address())
	return result.optionOrTrouble()
}

//go:wasmimport tenterhook:plugin/state@0.1.0 set
func stateSet(key, keyLen, value, valueLen, result uint32)

// StateSet sets a value, JSON, of the plugin's own store.
func StateSet(key, value string) error {
	k, kLen, v, vLen, result := text2(key, value)
	stateSet(k, kLen, v, vLen, result.address())
	return result.trouble()
}

//go:wasmimport tenterhook:plugin/state@0.1.0 delete
func stateDelete(key, keyLen, result uint32)

// StateDelete removes a value of the plugin's own store.
func StateDelete(key string) error {
	k, kLen := place([]byte(key))
	result := newArea(resultBytes)
	stateDelete(k, kLen, result.address())
	return result.trouble()
}

//go:wasmimport tenterhook:plugin/secrets@0.1.0 get
func secretsGet(name, nameLen, result uint32)

// SecretsGet gives a secret of the space.
func SecretsGet(name string) (string, error) {
	n, nLen := place([]byte(name))
	result := newArea(resultBytes)
	secretsGet(n, nLen, result.address())
	return result.textOrTrouble()
}

// text2 places two arguments, and makes room for the result.
func text2(one, two string) (first, firstLen, second, secondLen uint32, result area) {
	first, firstLen = place([]byte(one))
	second, secondLen = place([]byte(two))
	return first, firstLen, second, secondLen, newArea(resultBytes)
}

// trouble reads result<_, trouble>.
func (a area) trouble() error {
	if *a.byte(0) == 0 {
		return nil
	}
	return &Trouble{TroubleKind(*a.byte(4)), a.text(8)}
}

// textOrTrouble reads result<string, trouble>.
func (a area) textOrTrouble() (string, error) {
	if err := a.trouble(); err != nil {
		return "", err
	}
	return a.text(4), nil
}

// optionOrTrouble reads result<option<string>, trouble>.
func (a area) optionOrTrouble() (string, bool, error) {
	if err := a.trouble(); err != nil || *a.byte(4) == 0 {
		return "", false, err
	}
	return a.text(8), true, nil
}

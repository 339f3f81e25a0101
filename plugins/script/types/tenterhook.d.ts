/**
 * Types of the scripts that tenterhook's built-in plugin `script` runs, for editors and `tsc --checkJs`.
 *
 * Use it with `"lib": ["es2023"]`: scripts run without a browser's or Node's globals.
 *
 * ```js
 * /** @type {tenterhook.Render<tenterhook.WebhookData>} *\/
 * export const render = (input, base) => base.with({ json: { text: `New lead: ${input.record?.first_name}` } });
 * ```
 */
declare namespace tenterhook {
  /** What JSON can hold. Numbers are doubles: whole ones are exact up to 2^53. */
  type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

  /** What JSON is made of: `toJSON` is called, members that are undefined are left out. */
  type ToJson = null | boolean | number | string | object;

  /** What a call is about. */
  interface Call<Config = Json> {
    /** The space (tenant). */
    readonly space: string;
    /** The delivery or task: the same for every repeat, so it serves as an idempotency key. */
    readonly id: string;
    /** Milliseconds since the Unix epoch, the same for every attempt. `Date.now()` is the same number. */
    readonly now: number;
    /** `config` beside the script at this place of use; null if there is none. */
    readonly config: Config;
  }

  /** Bytes, and as text. */
  type Bytes = Uint8Array & {
    /** As hexadecimal digits, lower case. */
    toHex(): string;
    toBase64(options?: { alphabet?: "base64" | "base64url"; omitPadding?: boolean }): string;
  };

  /** Header lines, in order. Names compare without case. */
  interface Headers extends Iterable<[name: string, value: string]> {
    /** All values of a name, joined by `, `; null if there is none. */
    get(name: string): string | null;
    /** Each value of a name. */
    getAll(name: string): string[];
    has(name: string): boolean;
    /** One line more. */
    append(name: string, value: string | number): void;
    /** One line in place of all of that name. */
    set(name: string, value: string | number): void;
    delete(name: string): void;
  }

  /** Headers as they are given: names and values, or pairs. */
  type HeadersInit = Headers | Record<string, string | number> | Iterable<[name: string, value: string | number]>;

  /**
   * A body, given in one of four ways. The first three set `Content-Type`, unless there is one.
   */
  interface Content {
    /** Anything that JSON can be made of. */
    json?: ToJson;
    /** Fields (`application/x-www-form-urlencoded`); an array is several fields of the same name, null is none. */
    form?: Record<string, unknown>;
    /** A text, sent as UTF-8. */
    text?: string;
    /** Bytes, or a text, without a `Content-Type`. */
    body?: Uint8Array | string | null;
  }

  /** An outbound request. It may be changed, or copied with changes. */
  interface Request {
    /** One of GET, POST, PUT, PATCH, DELETE. */
    method: string;
    /** Absolute, http or https. */
    url: string;
    headers: Headers;
    /** Bytes; a text is sent as UTF-8; null is no body. */
    body: Uint8Array | string | null;
    /** A copy with changes. `headers` replace those of their names and leave the others. */
    with(changes: { method?: string; url?: string; headers?: HeadersInit } & Content): Request;
  }

  /** What was received. */
  interface Received {
    readonly headers: Headers;
    /** Byte for byte. */
    readonly body: Bytes;
    /** The body as text: UTF-8, what is none becomes U+FFFD. */
    text(): string;
    /** The body as JSON. Throws a SyntaxError if it is none. */
    json(): any;
    /** The fields of a form; the last one of a name counts. */
    form(): Record<string, string>;
  }

  /** What a webhook answered, whatever its status. */
  interface Response extends Received {
    readonly status: number;
    /** Whether the status is 200 to 299. */
    readonly ok: boolean;
  }

  /** A call of a trigger, as it was received. */
  interface InboundRequest extends Received {
    /** As sent, such as `POST`. */
    readonly method: string;
    /** The URL that the sender called: absolute, with the query as sent. */
    readonly url: string;
    /** The parameters of the URL; the last one of a name counts. */
    readonly query: Record<string, string>;
  }

  /** The input of a template of an endpoint: an event. */
  interface Event<Data = any> {
    /** Unique in this server. */
    id: string;
    /** Names joined by dots, such as `lead.create`. */
    type: string;
    /** When it happened (RFC 3339). */
    timestamp: string;
    /** Who says so: a URI reference. */
    source: string;
    /** What it is about, if it names something. */
    subject: string | null;
    /** What happened; its shape depends on the type. */
    data: Data;
  }

  /**
   * What `data` is in the events of a type. A server hands this file out with its built-in types here; declare your own
   * in a file beside it:
   *
   * ```ts
   * declare namespace tenterhook {
   *   interface EventData { "order.paid": { amount: number } }
   * }
   * ```
   */
  interface EventData {}

  /** An event of one of these types, by default of any type in `EventData`; its `type` tells which. */
  type EventOf<Type extends keyof EventData = keyof EventData> = {
    [Name in Type]: Event<EventData[Name]> & { type: Name };
  }[Type];

  /**
   * A record. Its fields are also members of the record itself, so `record.first_name` is `record.fields.first_name`;
   * a field wins over a member of the same name.
   */
  interface StoredRecord<Fields = Record<string, any>> {
    /** The data source that it belongs to. */
    source: string;
    key: string;
    fields: Fields;
    /** When it was inserted, and when it was last written (RFC 3339). */
    created_at: string;
    updated_at: string;
    /** 1 when inserted, one more at each write. */
    revision: number;
    [member: string]: any;
  }

  /** The input of a template of a webhook: the members of `data`, `data` itself, and the record if there is one. */
  interface WebhookData<Data = any, Fields = Record<string, any>> {
    data: Data;
    record?: StoredRecord<Fields>;
    [member: string]: any;
  }

  /**
   * Builds the request of a delivery or of a webhook call. A `Request` is sent as it is; any other value becomes the
   * JSON body of `base`; null means: send nothing, and call it done.
   */
  type Render<Input = any, Config = any> = (
    input: Input,
    base: Request,
    call: Call<Config>,
  ) => Request | ToJson | null;

  /**
   * Reads the response of a webhook call: gives the fields for the record, an object. `throw new Retry(reason)`: the
   * call may work later; `throw new Reject(reason)`: it failed.
   */
  type Map<Config = any> = (response: Response, call: Call<Config>) => object;

  /** A step of a workflow: its output, from its input. */
  type Run<Input = any, Config = any> = (input: Input, call: Call<Config>) => ToJson | null;

  /** The verdict on a call of a trigger. */
  type Verdict =
    /** The sender is who it claims, or is not. */
    | boolean
    /** It is. `id`: the sender's name for the call, by which repeats are known; `payload`: in place of the body. */
    | { id?: string | null; payload?: ToJson }
    /** It is not, for this reason. */
    | { refused: string }
    /** The call asks for an answer at once; no run starts. `status` is 200 unless given. */
    | { answer: { status?: number; headers?: HeadersInit } & Content };

  /** Says whether a call of a trigger comes from whom it claims. `throw new Reject(reason)` refuses it. */
  type Verify<Config = any> = (
    request: InboundRequest,
    secrets: Readonly<Record<string, string>>,
    call: Call<Config>,
  ) => Verdict;

  /** The digests that are offered. */
  type Algorithm = "sha256" | "sha512" | "sha1";
}

/** It may work later: try again. */
declare class Retry extends Error {}

/** It will never work, or the call is refused: do not try again. */
declare class Reject extends Error {}

/** Lines for the log of the call: values that are no texts appear as JSON. */
declare const console: Record<"trace" | "debug" | "log" | "info" | "warn" | "error", (...values: unknown[]) => void>;

/** The digest of bytes or of a text (as UTF-8). `digest("sha256", body).toHex()`. */
declare function digest(algorithm: tenterhook.Algorithm, data: Uint8Array | string): tenterhook.Bytes;

/** The keyed digest (HMAC, RFC 2104). `hmac("sha256", secrets.key, request.body).toHex()`. */
declare function hmac(
  algorithm: tenterhook.Algorithm,
  key: Uint8Array | string,
  data: Uint8Array | string,
): tenterhook.Bytes;

/** Compares two signatures, texts or bytes, without telling by the time taken where they differ. */
declare function equal(one: Uint8Array | string, other: Uint8Array | string): boolean;

/** Bytes as text (base64), and back. */
declare function btoa(characters: string): string;
declare function atob(base64: string): string;

/** UTF-8. */
declare class TextEncoder {
  encode(text?: string): tenterhook.Bytes;
}
declare class TextDecoder {
  decode(bytes?: ArrayBufferView | ArrayBuffer): string;
}

interface Uint8ArrayConstructor {
  /** Throws a SyntaxError if it is none. */
  fromHex(text: string): tenterhook.Bytes;
  fromBase64(text: string, options?: { alphabet?: "base64" | "base64url" }): tenterhook.Bytes;
}

#!/bin/sh
# Verifies the signature of one webhook with openssl. The raw body comes by standard input; exit code 0 means that the
# message is the sender's and of this time, 1 that it is not (the reason goes to standard error).
#
#     WEBHOOK_SECRET=whsec_… ./verify.sh "$id" "$timestamp" "$signature" < body
#
# The three arguments are the headers webhook-id, webhook-timestamp and webhook-signature. Without arguments they are
# taken from where CGI (RFC 3875 §4.1.18) puts them: HTTP_WEBHOOK_ID, HTTP_WEBHOOK_TIMESTAMP, HTTP_WEBHOOK_SIGNATURE.
set -euf
LC_ALL=C

TOLERANCE=300 # seconds that the sender's clock may be off, either way

id=${1-${HTTP_WEBHOOK_ID-}}
timestamp=${2-${HTTP_WEBHOOK_TIMESTAMP-}}
signatures=${3-${HTTP_WEBHOOK_SIGNATURE-}}

refuse() {
  echo "refused: $1" >&2
  exit 1
}

# HMAC-SHA256 (RFC 2104) of standard input, in base64. `openssl dgst -macopt hexkey:…` would do the same, but every
# user of the machine can read the arguments of a process, and so the secret.
hmac() {
  { padded_key 54; cat; } | openssl dgst -sha256 -binary |
    { padded_key 92; cat; } | openssl dgst -sha256 -binary | openssl base64 -A
}

# The 64 bytes of the key, filled up with zeros, each xor $1.
padded_key() {
  rest=$key octal='' count=0
  while [ "$count" -lt 64 ]; do
    byte=${rest%"${rest#??}"}
    rest=${rest#??}
    value=$((0x${byte:-0} ^ $1))
    octal="$octal\\$((value / 64))$((value / 8 % 8))$((value % 8))"
    count=$((count + 1))
  done
  # shellcheck disable=SC2059 # it is a format: octal escapes only
  printf "$octal"
}

# Whether two texts are the same. It looks at every character, wherever the first difference is.
same() {
  [ ${#1} -eq ${#2} ] || return 1
  left=$1 right=$2 differ=0
  while [ -n "$left" ]; do
    [ "${left%"${left#?}"}" = "${right%"${right#?}"}" ] || differ=1
    left=${left#?} right=${right#?}
  done
  [ "$differ" -eq 0 ]
}

command -v openssl > /dev/null || refuse 'openssl is not installed'
[ -n "$id" ] && [ -n "$timestamp" ] && [ -n "$signatures" ] || refuse 'a webhook header is missing'

# Only plain numbers, so that arithmetic below is safe.
case $timestamp in
  *[!0-9]* | 0* | ????????????*) refuse 'the timestamp is not a number of seconds' ;;
esac
age=$(($(date +%s) - timestamp))
[ "$age" -le "$TOLERANCE" ] || refuse 'the timestamp is too old'
[ "$age" -ge "-$TOLERANCE" ] || refuse 'the timestamp is too far in the future'

# The key in hexadecimal digits. Decoding passes over what is no base64, so the way back must give the same text.
secret=${WEBHOOK_SECRET-}
secret=${secret#whsec_}
decode() { printf %s "$secret" | openssl base64 -d -A; }
key=$(decode | od -An -v -tx1 | tr -d ' \n')
[ "$(decode | openssl base64 -A)" = "$secret" ] || refuse 'WEBHOOK_SECRET is not whsec_ and base64'
[ ${#key} -ge 48 ] && [ ${#key} -le 128 ] || refuse 'WEBHOOK_SECRET does not have 24 to 64 bytes'

# The body is never held in a variable: that would drop its last line breaks and its NUL bytes.
expected=$({ printf '%s.%s.' "$id" "$timestamp"; cat; } | hmac)
[ ${#expected} -eq 44 ] || refuse 'openssl failed'

# A sender that replaces its secret signs with both; one right signature is enough.
found=no
for signature in $signatures; do
  case $signature in
    v1,*) if same "${signature#v1,}" "$expected"; then found=yes; fi ;;
  esac
done
[ "$found" = yes ] || refuse 'no signature matches'

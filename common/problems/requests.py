"""The problems of requests: what is asked, by whom, how often, and when nobody can answer."""

from collections.abc import Mapping

from common.problems.problem import Problem

_MALFORMED = {
    "malformed_request": Problem((400, 500), "The request is not HTTP", "Send HTTP/1.1 as RFC 9112 has it."),
    "malformed_body": Problem((400,), "The body is framed wrongly", "Let your HTTP client frame or chunk the body."),
    "malformed_headers": Problem((400,), "The headers cannot be read", "Send the message's headers as AMQP has them."),
    "repeated_header": Problem((400,), "A header stands there twice", "Send this header once."),
    "invalid_json": Problem((400,), "The body is not JSON", "Send one JSON object in UTF-8, each name in it once."),
    "not_an_object": Problem((400,), "The body is no JSON object", "Wrap what you send in { and }."),
    "invalid_errands": Problem((400,), "The errands cannot be read", "Run one version of all services."),
    "http_error": Problem((400,), "The request failed", "Read the detail, and ask differently."),
}

_IDS_AND_HEADERS = {
    "invalid_id": Problem(
        (400,), "The id is none", "Take ids as the system gives them: UUIDs in lower case, or numbers."
    ),
    "invalid_idempotency_key": Problem(
        (400,), "The Idempotency-Key cannot be used", "Send 1 to 255 visible ASCII characters; a UUID is fine."
    ),
    "invalid_if_match": Problem((400,), "If-Match is no ETag of ours", "Send one ETag as an answer gave it to you."),
    "invalid_expected_version": Problem(
        (400,), "The expected_version is no version", "Send the version alone, like 3."
    ),
    "invalid_correlation_id": Problem(
        (400,), "The correlation id cannot be used", "Send 1 to 128 visible ASCII characters."
    ),
    "invalid_consistency_token": Problem(
        (400,), "The Consistency-Token is none of ours", "Send the last token you were given, unchanged, or none."
    ),
    "missing_id": Problem((400,), "A message does not say what it is about", "Send the header that the detail names."),
    "missing_message_id": Problem(
        (400,), "A message has no message_id", "Choose one yourself and keep it: sent again, it is the same command."
    ),
    "invalid_message_id": Problem(
        (400,), "The message_id or app_id cannot be used", "Send at most 255 visible ASCII characters."
    ),
    "invalid_batch": Problem((400,), "The batch has no lines, or too many", "Send 1 to 1,000 lines at a time."),
}

_PARAMETERS = {
    "unknown_parameter": Problem(
        (400,), "A parameter is not known here", "Send only those that the detail names, and each of them once."
    ),
    "invalid_limit": Problem((400,), "The limit is none", "Ask for 1 to 100 at a time."),
    "invalid_cursor": Problem(
        (400,),
        "The cursor does not belong to this list",
        "Begin the list anew, without a cursor, and follow its cursors.",
    ),
    "unknown_position": Problem(
        (400,), "The log has no such position", "Begin with after=0, or without, and go on from the last id you saw."
    ),
    "invalid_as_of": Problem(
        (400,), "The moment cannot be read", "Write a position like 1207, or an instant with its zone (RFC 3339)."
    ),
    "as_of_not_yet": Problem((400,), "The log has not come so far", "Ask for a moment that has been."),
    "invalid_type": Problem((400,), "There is no such event", "Take names from the contract, like OrderPaid."),
    "invalid_filter": Problem((400,), "A filter has no meaning", "Write its value as the detail says."),
    "invalid_stream": Problem(
        (400,), "The stream is none", "Write its context, a dash and its subject, like inventory-456."
    ),
    "invalid_version": Problem((400,), "The version is none", "Write how many commits count, like 3."),
    "invalid_category": Problem((400,), "The category is none", "Write it as the product has it."),
    "invalid_sku": Problem((400,), "The SKU is none", "Write capitals, digits, dots, dashes and underscores."),
    "invalid_status": Problem((400,), "The status is none", "Ask for PENDING, ACTIVE or ROLLED_BACK."),
    "invalid_price": Problem((400,), "The price is none", "Write an amount like 49.99, and its currency in capitals."),
    "invalid_q": Problem((400,), "There is nothing to search for", "Write 1 to 10 words."),
    "invalid_state": Problem((400,), "The state is none", "Ask for running, stuck or over."),
    "unsupported_filters": Problem(
        (400,), "No index serves these filters together", "Take one of the combinations that the detail names."
    ),
    "unsupported_sort": Problem((400,), "No index is sorted like this", "Sort as the detail says, or not at all."),
    "search_too_broad": Problem((400,), "Too much would be found", "Write more letters, or another word."),
    "invalid_after": Problem((400,), "The place to go on from is none", "Take the number of the last entry."),
}

_ACCESS = {
    "missing_token": Problem((401,), "Nobody knows who asks", "Send Authorization: Bearer and a token."),
    "invalid_token": Problem((401,), "The token does not count", "Get a new token from who issues them."),
    "repeated_authorization": Problem((401,), "There are two Authorization headers", "Send one."),
    "forbidden": Problem((403,), "This is not for your role", "Ask somebody with a role that the detail names."),
    "not_your_user_id": Problem((403,), "This belongs to another user", "Use the user_id of your token."),
    "too_many_requests": Problem(
        (429,),
        "You ask more often than you may",
        "Wait as many seconds as Retry-After says; RateLimit tells what is left.",
    ),
}

_TRANSPORT = {
    "no_such_path": Problem((404,), "Nothing is served here", "Compare the path with /cqrs/docs."),
    "unknown_problem": Problem((404,), "No problem has this name", "See /problems for all there are."),
    "method_not_allowed": Problem((405,), "This method is not for this path", "Use one that the Allow header names."),
    "request_timeout": Problem((408,), "The body did not come in time", "Send it again, faster."),
    "body_too_large": Problem((413,), "The body is too large", "Send at most 64 KiB; split an import into batches."),
    "unsupported_media_type": Problem(
        (415,), "The body is of another type", "Send the Content-Type that the detail names, and no Content-Encoding."
    ),
    "expectation_failed": Problem((417,), "Nothing but 100-continue can be expected", "Leave the Expect header out."),
    "invalid_body": Problem(
        (422,), "The body is not acceptable", "`errors` names each field by its JSON pointer, and what it wants."
    ),
    "idempotency_key_reused": Problem(
        (422,), "This key belongs to another command", "Take a new key for a new command; repeat the body for a retry."
    ),
}

_NOT_NOW = {
    "internal_error": Problem(
        (500,),
        "Something went wrong here",
        "It was logged under the trace_id. Ask again with the same key, or tell us.",
    ),
    "unavailable": Problem(
        (503,), "The system cannot answer now", "Send the same request with the same key again, after Retry-After."
    ),
    "too_many_streams": Problem(
        (503,), "As many follow what happens as there is room for", "Ask again later, or ask queries meanwhile."
    ),
    "overloaded": Problem((503,), "The service has its hands full", "Send the same request again, after Retry-After."),
    "projection_lag": Problem(
        (503,),
        "The views are behind what you have seen",
        "Ask again after Retry-After, or without the Consistency-Token.",
    ),
    "past_too_far": Problem(
        (503,), "Too much has changed since then", "Ask as of a position nearer to the log's head or its beginning."
    ),
    "view_parked": Problem(
        (503,),
        "This view waits for its repair",
        "Ask again later; the operator sees it with `cqrs projections parked`.",
    ),
    "view_unreadable": Problem(
        (503,), "The views were made by another version", "Ask again later; the operator runs `cqrs projections reset`."
    ),
}

_STORED = {
    "unknown_event_type": Problem(
        (500,), "The log has an event that this version does not know", "Run a newer version."
    ),
    "unknown_schema": Problem((500,), "The log has a schema that this version does not know", "Run a newer version."),
    "invalid_event": Problem((500,), "An event of the log cannot be read", "Run `cqrs log verify`."),
}

REQUESTS: Mapping[str, Problem] = (
    _MALFORMED | _IDS_AND_HEADERS | _PARAMETERS | _ACCESS | _TRANSPORT | _NOT_NOW | _STORED
)


/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The texts of the pages in English.
 */


text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED_TITLE, "Access was not allowed")

text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED,
     "You did not allow this site to sign you in with vcita. Nothing was "
     "shared.")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH_TITLE,
     "The sign-in could not be matched to this browser")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH,
     "The sign-in was begun in another browser or window, or cookies of this "
     "site are blocked. Allow cookies for this site, then try again.")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED_TITLE, "The sign-in took too long")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED,
     "More time went by than this site allows for signing in.")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE_TITLE,
     "This is not a sign-in that this site began")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE,
     "The address is incomplete, was changed on the way, or belongs to an "
     "older sign-in.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK_TITLE,
     "The sign-in came back incomplete")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK,
     "vcita sent the browser back without what is needed to sign in.")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE_TITLE,
     "The sign-in came back to a wrong address")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE,
     "You are not signed in: vcita's answer arrived at an address that does "
     "not take it. The operator of this site has to correct that.")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST_TITLE,
     "You can't sign in at this address")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST,
     "The host name of the request is not valid. Check the address, then try "
     "again.")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT_TITLE, "The sign-in is no longer valid")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT,
     "vcita no longer accepts this sign-in: it was used already, or took too "
     "long.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT_TITLE,
     "This site is not set up correctly")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT,
     "vcita does not recognise this site. Its operator has to look into it.")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED_TITLE,
     "Many people are signing in right now")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED,
     "There is a queue. Leave this page open. It tries again automatically "
     "when it is your turn.")

text(NGX_HTTP_VCITA_TEXT_BAD_TOKEN_RESPONSE_TITLE,
     "vcita gave an unexpected answer")

text(NGX_HTTP_VCITA_TEXT_UNFINISHED,
     "The sign-in could not be finished. Trying again often helps.")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN_TITLE,
     "vcita's answer is not meant for this sign-in")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN,
     "The information that vcita sent about you is not valid. Trying again "
     "often helps.")

text(NGX_HTTP_VCITA_TEXT_BAD_USERINFO_TITLE, "vcita did not say who you are")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE_TITLE, "vcita cannot be reached")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE,
     "This site could not connect to vcita. Try again in a few minutes.")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT_TITLE, "vcita took too long to answer")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT,
     "The sign-in could not be finished. Try again in a few minutes.")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE_TITLE,
     "There is too much account information")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE,
     "There is more information about your account than this site can keep. "
     "Its operator has to look into it.")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE_TITLE,
     "We can't check your sign-in right now")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE,
     "This site could not find out whether you are signed in. Nothing is "
     "lost: try again in a moment.")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED_TITLE,
     "You don't have access with this account")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED,
     "You are signed in, but this site is not open to your account.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_IN_AS, "You are signed in as %s.")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN_TITLE, "The access token is not valid")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN,
     "The token that came with this request has ended, or was not issued by "
     "vcita for this app. Ask for a new one, then try again.")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE_TITLE,
     "Tokens cannot be checked right now")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE,
     "This site could not get the keys of vcita. Try again in a minute.")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE, "Please sign in again")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED,
     "This page needs a new sign-in, but the last one is too old.")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST_TITLE, "Your sign-in keeps getting lost")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST,
     "You signed in several times, but the browser did not bring back the "
     "session cookie. Allow cookies for this site, open it by the address "
     "that its links use, then try again in a minute.")

text(NGX_HTTP_VCITA_TEXT_COOKIE_NAME, "The cookie is called %s.")

text(NGX_HTTP_VCITA_TEXT_LOST_FRAMED,
     "This site is shown inside of another page, and the browser keeps its "
     "cookies back there. Open this site in a tab of its own.")

text(NGX_HTTP_VCITA_TEXT_LOST_HTTP,
     "This site was opened by http, but its sign-in works by https alone. Put "
     "https:// in front of its address.")

text(NGX_HTTP_VCITA_TEXT_LOST_ELSEWHERE,
     "You can't sign in under the host name that you opened. Open the address "
     "that the operator of this site gave you.")

text(NGX_HTTP_VCITA_TEXT_LOST_CLASH,
     "You signed in several times, but the browser brought back another "
     "cookie by the name of this site's session cookie. Delete the cookies of "
     "this site, then try again in a minute.")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD_TITLE, "This address is only for signing in")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD,
     "It answers to a browser that comes back from vcita, and to nothing else.")

text(NGX_HTTP_VCITA_TEXT_REFUSED_TITLE, "vcita refused the sign-in")

text(NGX_HTTP_VCITA_TEXT_REFUSED,
     "The sign-in could not be finished. If trying again does not help, the "
     "operator of this site has to look into it.")

text(NGX_HTTP_VCITA_TEXT_FAILED_TITLE, "The request could not be answered")

text(NGX_HTTP_VCITA_TEXT_FAILED, "Something went wrong. Try again in a moment.")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED_TITLE, "Please sign in")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED,
     "You are not signed in, or your session has ended. Your request was not "
     "processed. Sign in in a new tab, then send this again.")

text(NGX_HTTP_VCITA_TEXT_TOO_OLD,
     "You signed in too long ago for this. Your request was not processed. "
     "Sign in in a new tab, then send this again.")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN_TITLE, "You are still signed in")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN,
     "Your session could not be ended right now. Try again in a moment.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT_TITLE, "You are signed out")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT,
     "This site has forgotten you. You may still be signed in at vcita.")

text(NGX_HTTP_VCITA_TEXT_ASK_SIGN_OUT_TITLE, "Do you want to sign out?")

text(NGX_HTTP_VCITA_TEXT_ASK_FOREIGN, "Another site has sent you here.")

text(NGX_HTTP_VCITA_TEXT_ASK_CLICK, "Signing out takes a click.")

text(NGX_HTTP_VCITA_TEXT_WAIT, "Estimated wait: %s min")

text(NGX_HTTP_VCITA_TEXT_TRY_AGAIN, "Try again")

text(NGX_HTTP_VCITA_TEXT_TRY_NOW, "Try now")

text(NGX_HTTP_VCITA_TEXT_START_PAGE, "Go to the start page")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN, "Sign in")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN, "Sign in again")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_OTHER, "Sign in as another account")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_TAB, "Sign in in a new tab")

text(NGX_HTTP_VCITA_TEXT_SIGN_OUT, "Sign out")

text(NGX_HTTP_VCITA_TEXT_CODE, "Code:")

text(NGX_HTTP_VCITA_TEXT_TIME, "Time:")

text(NGX_HTTP_VCITA_TEXT_REFERENCE, "Reference:")

text(NGX_HTTP_VCITA_TEXT_REQUEST, "Request:")

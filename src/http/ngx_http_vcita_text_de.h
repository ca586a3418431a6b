
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The texts of the pages in German, with "Sie".
 */


text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED_TITLE, "Der Zugriff wurde nicht erlaubt")

text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED,
     "Sie haben dieser Website nicht erlaubt, Sie über vcita anzumelden. Es "
     "wurden keine Daten weitergegeben.")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH_TITLE,
     "Die Anmeldung passt nicht zu diesem Browser")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH,
     "Die Anmeldung wurde in einem anderen Browser oder Fenster begonnen, "
     "oder Cookies dieser Website sind blockiert. Erlauben Sie Cookies für "
     "diese Website und versuchen Sie es erneut.")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED_TITLE,
     "Die Anmeldung hat zu lange gedauert")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED,
     "Die Zeit, die diese Website für die Anmeldung vorsieht, ist abgelaufen.")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE_TITLE,
     "Diese Website hat diese Anmeldung nicht begonnen")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE,
     "Die Adresse ist unvollständig, wurde unterwegs verändert oder gehört "
     "zu einer älteren Anmeldung.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK_TITLE,
     "Die Anmeldung kam unvollständig zurück")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK,
     "vcita hat den Browser ohne die Angaben zurückgeschickt, die für die "
     "Anmeldung nötig sind.")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE_TITLE,
     "Die Anmeldung kam an eine falsche Adresse zurück")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE,
     "Sie sind nicht angemeldet: Die Antwort von vcita kam bei einer Adresse "
     "an, die sie nicht annimmt. Das muss der Betreiber dieser Website "
     "korrigieren.")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST_TITLE,
     "Unter dieser Adresse ist keine Anmeldung möglich")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST,
     "Der Hostname der Anfrage ist ungültig. Prüfen Sie die Adresse und "
     "versuchen Sie es erneut.")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT_TITLE,
     "Die Anmeldung ist nicht mehr gültig")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT,
     "vcita nimmt diese Anmeldung nicht mehr an: Sie wurde bereits verwendet "
     "oder hat zu lange gedauert.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT_TITLE,
     "Diese Website ist nicht richtig eingerichtet")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT,
     "vcita erkennt diese Website nicht. Der Betreiber muss sich darum "
     "kümmern.")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED_TITLE,
     "Gerade melden sich viele Personen an")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED,
     "Es gibt eine Warteschlange. Lassen Sie diese Seite geöffnet. Sie "
     "versucht es automatisch erneut, sobald Sie an der Reihe sind.")

text(NGX_HTTP_VCITA_TEXT_BAD_TOKEN_RESPONSE_TITLE,
     "vcita hat unerwartet geantwortet")

text(NGX_HTTP_VCITA_TEXT_UNFINISHED,
     "Die Anmeldung konnte nicht abgeschlossen werden. Oft hilft ein erneuter "
     "Versuch.")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN_TITLE,
     "Die Antwort von vcita gehört nicht zu dieser Anmeldung")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN,
     "Die Angaben von vcita über Sie waren nicht vertrauenswürdig. Oft "
     "hilft ein erneuter Versuch.")

text(NGX_HTTP_VCITA_TEXT_BAD_USERINFO_TITLE,
     "vcita hat nicht mitgeteilt, wer Sie sind")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE_TITLE, "vcita ist nicht erreichbar")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE,
     "Diese Website konnte keine Verbindung zu vcita herstellen. Versuchen "
     "Sie es in einigen Minuten erneut.")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT_TITLE,
     "vcita hat nicht rechtzeitig geantwortet")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT,
     "Die Anmeldung konnte nicht abgeschlossen werden. Versuchen Sie es in "
     "einigen Minuten erneut.")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE_TITLE,
     "Die Kontodaten sind zu umfangreich")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE,
     "Zu Ihrem Konto gibt es mehr Angaben, als diese Website speichern kann. "
     "Der Betreiber muss sich darum kümmern.")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE_TITLE,
     "Wir können Ihre Anmeldung gerade nicht prüfen")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE,
     "Diese Website konnte nicht feststellen, ob Sie angemeldet sind. Es ist "
     "nichts verloren: Versuchen Sie es gleich noch einmal.")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED_TITLE,
     "Mit diesem Konto haben Sie keinen Zugang")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED,
     "Sie sind angemeldet, aber diese Website ist für Ihr Konto nicht "
     "freigegeben.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_IN_AS, "Sie sind als %s angemeldet.")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN_TITLE, "Das Zugriffstoken ist ungültig")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN,
     "Das Token dieser Anfrage ist abgelaufen oder wurde von vcita nicht für "
     "diese App ausgestellt. Fordern Sie ein neues an und versuchen Sie es "
     "erneut.")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE_TITLE,
     "Token können gerade nicht geprüft werden")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE,
     "Diese Website konnte die Schlüssel von vcita nicht abrufen. Versuchen "
     "Sie es in einer Minute erneut.")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE,
     "Bitte melden Sie sich erneut an")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED,
     "Diese Seite verlangt eine neue Anmeldung, die letzte liegt aber zu "
     "lange zurück.")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST_TITLE,
     "Ihre Anmeldung geht immer wieder verloren")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST,
     "Sie haben sich mehrmals angemeldet, aber der Browser hat das "
     "Sitzungs-Cookie nicht zurückgeschickt. Erlauben Sie Cookies für diese "
     "Website, öffnen Sie sie unter der Adresse, die ihre Links verwenden, "
     "und versuchen Sie es in einer Minute erneut.")

text(NGX_HTTP_VCITA_TEXT_COOKIE_NAME, "Das Cookie heißt %s.")

text(NGX_HTTP_VCITA_TEXT_LOST_FRAMED,
     "Diese Website wird innerhalb einer anderen Seite angezeigt, und der "
     "Browser hält ihre Cookies dort zurück. Öffnen Sie sie in einem "
     "eigenen Tab.")

text(NGX_HTTP_VCITA_TEXT_LOST_HTTP,
     "Diese Website wurde über http geöffnet, die Anmeldung funktioniert "
     "aber nur über https. Setzen Sie https:// vor die Adresse.")

text(NGX_HTTP_VCITA_TEXT_LOST_ELSEWHERE,
     "Diese Website wurde unter einem anderen Namen geöffnet als dem, unter "
     "dem die Anmeldung funktioniert. Öffnen Sie sie unter der Adresse, die "
     "Sie vom Betreiber erhalten haben.")

text(NGX_HTTP_VCITA_TEXT_LOST_CLASH,
     "Sie haben sich mehrmals angemeldet, aber der Browser hat ein anderes "
     "Cookie mit dem Namen des Sitzungs-Cookies dieser Website "
     "zurückgeschickt. Löschen Sie die Cookies dieser Website und versuchen "
     "Sie es in einer Minute erneut.")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD_TITLE,
     "Diese Adresse dient nur der Anmeldung")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD,
     "Sie antwortet nur einem Browser, der von vcita zurückkommt.")

text(NGX_HTTP_VCITA_TEXT_REFUSED_TITLE, "vcita hat die Anmeldung abgelehnt")

text(NGX_HTTP_VCITA_TEXT_REFUSED,
     "Die Anmeldung konnte nicht abgeschlossen werden. Wenn ein erneuter "
     "Versuch nicht hilft, muss sich der Betreiber dieser Website darum "
     "kümmern.")

text(NGX_HTTP_VCITA_TEXT_FAILED_TITLE,
     "Die Anfrage konnte nicht beantwortet werden")

text(NGX_HTTP_VCITA_TEXT_FAILED,
     "Etwas ist schiefgegangen. Versuchen Sie es gleich noch einmal.")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED_TITLE, "Bitte melden Sie sich an")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED,
     "Sie sind nicht angemeldet, oder Ihre Sitzung ist abgelaufen. Ihre "
     "Eingabe wurde nicht verarbeitet. Melden Sie sich in einem neuen Tab an "
     "und senden Sie sie dann noch einmal.")

text(NGX_HTTP_VCITA_TEXT_TOO_OLD,
     "Ihre Anmeldung liegt dafür zu lange zurück. Ihre Eingabe wurde nicht "
     "verarbeitet. Melden Sie sich in einem neuen Tab an und senden Sie sie "
     "dann noch einmal.")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN_TITLE, "Sie sind noch angemeldet")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN,
     "Ihre Sitzung konnte gerade nicht beendet werden. Versuchen Sie es "
     "gleich noch einmal.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT_TITLE, "Sie sind abgemeldet")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT,
     "Diese Website hat Ihre Anmeldung vergessen. Bei vcita sind Sie "
     "möglicherweise noch angemeldet.")

text(NGX_HTTP_VCITA_TEXT_ASK_SIGN_OUT_TITLE, "Möchten Sie sich abmelden?")

text(NGX_HTTP_VCITA_TEXT_ASK_FOREIGN,
     "Eine andere Website hat Sie hierher geschickt.")

text(NGX_HTTP_VCITA_TEXT_ASK_CLICK, "Zum Abmelden ist ein Klick nötig.")

text(NGX_HTTP_VCITA_TEXT_WAIT, "Geschätzte Wartezeit: %s Min.")

text(NGX_HTTP_VCITA_TEXT_TRY_AGAIN, "Erneut versuchen")

text(NGX_HTTP_VCITA_TEXT_TRY_NOW, "Jetzt versuchen")

text(NGX_HTTP_VCITA_TEXT_START_PAGE, "Zur Startseite")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN, "Anmelden")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN, "Erneut anmelden")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_OTHER, "Mit einem anderen Konto anmelden")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_TAB, "In einem neuen Tab anmelden")

text(NGX_HTTP_VCITA_TEXT_SIGN_OUT, "Abmelden")

text(NGX_HTTP_VCITA_TEXT_CODE, "Fehlercode:")

text(NGX_HTTP_VCITA_TEXT_TIME, "Zeit:")

text(NGX_HTTP_VCITA_TEXT_REFERENCE, "Referenz:")

text(NGX_HTTP_VCITA_TEXT_REQUEST, "Anfrage:")

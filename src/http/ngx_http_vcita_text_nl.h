
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The texts of the pages in Dutch, with "je".
 */


text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED_TITLE, "Er is geen toestemming gegeven")

text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED,
     "Je hebt deze site niet toegestaan je via vcita in te loggen. Er zijn "
     "geen gegevens gedeeld.")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH_TITLE,
     "De inlogpoging hoort niet bij deze browser")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH,
     "Het inloggen is in een andere browser of een ander venster begonnen, of "
     "cookies van deze site zijn geblokkeerd. Sta cookies van deze site toe "
     "en probeer het opnieuw.")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED_TITLE, "Het inloggen duurde te lang")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED,
     "Er is meer tijd verstreken dan deze site voor het inloggen toestaat.")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE_TITLE,
     "Deze inlogpoging is niet door deze site gestart")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE,
     "Het adres is onvolledig, is onderweg veranderd of hoort bij een eerdere "
     "inlogpoging.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK_TITLE,
     "De inlogpoging kwam onvolledig terug")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK,
     "vcita stuurde de browser terug zonder de gegevens die voor het inloggen "
     "nodig zijn.")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE_TITLE,
     "De inlogpoging kwam op een verkeerd adres terug")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE,
     "Je bent niet ingelogd: het antwoord van vcita kwam aan op een adres dat "
     "het niet aanneemt. De beheerder van deze site moet dat verhelpen.")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST_TITLE,
     "Inloggen is niet mogelijk op dit adres")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST,
     "De hostnaam van het verzoek is ongeldig. Controleer het adres en "
     "probeer het opnieuw.")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT_TITLE,
     "De inlogpoging is niet meer geldig")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT,
     "vcita accepteert deze inlogpoging niet meer: die is al gebruikt of "
     "duurde te lang.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT_TITLE,
     "Deze site is niet goed ingesteld")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT,
     "vcita herkent deze site niet. De beheerder moet ernaar kijken.")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED_TITLE, "Er loggen nu veel mensen in")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED,
     "Er is een wachtrij. Laat deze pagina open. De pagina probeert het "
     "automatisch opnieuw als je aan de beurt bent.")

text(NGX_HTTP_VCITA_TEXT_BAD_TOKEN_RESPONSE_TITLE,
     "vcita gaf een onverwacht antwoord")

text(NGX_HTTP_VCITA_TEXT_UNFINISHED,
     "Het inloggen kon niet worden voltooid. Opnieuw proberen helpt vaak.")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN_TITLE,
     "Het antwoord van vcita hoort niet bij deze inlogpoging")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN,
     "De gegevens van vcita over jou waren niet te vertrouwen. Opnieuw "
     "proberen helpt vaak.")

text(NGX_HTTP_VCITA_TEXT_BAD_USERINFO_TITLE,
     "vcita heeft niet doorgegeven wie je bent")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE_TITLE, "vcita is niet bereikbaar")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE,
     "Deze site kon geen verbinding maken met vcita. Probeer het over een "
     "paar minuten opnieuw.")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT_TITLE, "vcita deed te lang over een antwoord")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT,
     "Het inloggen kon niet worden voltooid. Probeer het over een paar "
     "minuten opnieuw.")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE_TITLE,
     "Er zijn te veel accountgegevens")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE,
     "Er zijn meer gegevens over je account dan deze site kan bewaren. De "
     "beheerder moet ernaar kijken.")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE_TITLE,
     "We kunnen nu niet controleren of je bent ingelogd")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE,
     "Deze site kon niet nagaan of je bent ingelogd. Er is niets verloren: "
     "probeer het zo meteen opnieuw.")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED_TITLE,
     "Je hebt geen toegang met dit account")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED,
     "Je bent ingelogd, maar deze site is niet open voor jouw account.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_IN_AS, "Je bent ingelogd als %s.")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN_TITLE, "Het toegangstoken is ongeldig")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN,
     "Het token van dit verzoek is verlopen of is niet door vcita voor deze "
     "app uitgegeven. Vraag een nieuw token aan en probeer het opnieuw.")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE_TITLE,
     "Tokens kunnen nu niet worden gecontroleerd")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE,
     "Deze site kon de sleutels van vcita niet ophalen. Probeer het over een "
     "minuut opnieuw.")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE, "Log opnieuw in")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED,
     "Voor deze pagina moet je net zijn ingelogd, maar de laatste keer is te "
     "lang geleden.")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST_TITLE,
     "Je inlogsessie gaat steeds verloren")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST,
     "Je bent meerdere keren ingelogd, maar de browser stuurde de "
     "sessiecookie niet terug. Sta cookies van deze site toe, open de site "
     "via het adres dat de links gebruiken en probeer het over een minuut "
     "opnieuw.")

text(NGX_HTTP_VCITA_TEXT_COOKIE_NAME, "De cookie heet %s.")

text(NGX_HTTP_VCITA_TEXT_LOST_FRAMED,
     "Deze site wordt binnen een andere pagina getoond, waar de browser de "
     "cookies ervan achterhoudt. Open deze site in een eigen tabblad.")

text(NGX_HTTP_VCITA_TEXT_LOST_HTTP,
     "Deze site is via http geopend, maar inloggen werkt alleen via https. "
     "Zet https:// voor het adres.")

text(NGX_HTTP_VCITA_TEXT_LOST_ELSEWHERE,
     "Deze site is onder een andere naam geopend dan de naam waaronder je "
     "kunt inloggen. Open de site via het adres dat je van de beheerder hebt "
     "gekregen.")

text(NGX_HTTP_VCITA_TEXT_LOST_CLASH,
     "Je bent meerdere keren ingelogd, maar de browser stuurde een andere "
     "cookie terug met de naam van de sessiecookie van deze site. Verwijder "
     "de cookies van deze site en probeer het over een minuut opnieuw.")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD_TITLE, "Dit adres is alleen om in te loggen")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD,
     "Het antwoordt alleen aan een browser die van vcita terugkomt.")

text(NGX_HTTP_VCITA_TEXT_REFUSED_TITLE, "vcita heeft het inloggen geweigerd")

text(NGX_HTTP_VCITA_TEXT_REFUSED,
     "Het inloggen kon niet worden voltooid. Als opnieuw proberen niet helpt, "
     "moet de beheerder van deze site ernaar kijken.")

text(NGX_HTTP_VCITA_TEXT_FAILED_TITLE, "Het verzoek kon niet worden beantwoord")

text(NGX_HTTP_VCITA_TEXT_FAILED,
     "Er is iets misgegaan. Probeer het zo meteen opnieuw.")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED_TITLE, "Log in")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED,
     "Je bent niet ingelogd of je sessie is verlopen. Wat je verstuurde, is "
     "niet verwerkt. Log in een nieuw tabblad in en verstuur het dan opnieuw.")

text(NGX_HTTP_VCITA_TEXT_TOO_OLD,
     "Je bent hiervoor te lang geleden ingelogd. Wat je verstuurde, is niet "
     "verwerkt. Log in een nieuw tabblad in en verstuur het dan opnieuw.")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN_TITLE, "Je bent nog ingelogd")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN,
     "Je sessie kon nu niet worden beëindigd. Probeer het zo meteen opnieuw.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT_TITLE, "Je bent uitgelogd")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT,
     "Deze site is je vergeten. Misschien ben je bij vcita nog ingelogd.")

text(NGX_HTTP_VCITA_TEXT_ASK_SIGN_OUT_TITLE, "Wil je uitloggen?")

text(NGX_HTTP_VCITA_TEXT_ASK_FOREIGN,
     "Een andere site heeft je hierheen gestuurd.")

text(NGX_HTTP_VCITA_TEXT_ASK_CLICK, "Klik op de knop om uit te loggen.")

text(NGX_HTTP_VCITA_TEXT_WAIT, "Geschatte wachttijd: %s min.")

text(NGX_HTTP_VCITA_TEXT_TRY_AGAIN, "Opnieuw proberen")

text(NGX_HTTP_VCITA_TEXT_TRY_NOW, "Nu proberen")

text(NGX_HTTP_VCITA_TEXT_START_PAGE, "Naar de startpagina")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN, "Inloggen")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN, "Opnieuw inloggen")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_OTHER, "Met een ander account inloggen")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_TAB, "Inloggen in een nieuw tabblad")

text(NGX_HTTP_VCITA_TEXT_SIGN_OUT, "Uitloggen")

text(NGX_HTTP_VCITA_TEXT_CODE, "Foutcode:")

text(NGX_HTTP_VCITA_TEXT_TIME, "Tijd:")

text(NGX_HTTP_VCITA_TEXT_REFERENCE, "Referentie:")

text(NGX_HTTP_VCITA_TEXT_REQUEST, "Verzoek:")

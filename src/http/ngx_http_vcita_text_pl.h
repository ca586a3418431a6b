
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The texts of the pages in Polish, in forms without a gender.
 */


text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED_TITLE, "Nie udzielono zgody na dostęp")

text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED,
     "Ta witryna nie otrzymała zgody na logowanie przez vcita. Żadne dane "
     "nie zostały udostępnione.")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH_TITLE,
     "Logowanie nie pasuje do tej przeglądarki")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH,
     "Logowanie rozpoczęto w innej przeglądarce lub w innym oknie albo "
     "pliki cookie tej witryny są zablokowane. Zezwól na pliki cookie tej "
     "witryny i spróbuj ponownie.")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED_TITLE, "Logowanie trwało zbyt długo")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED,
     "Minął czas, jaki ta witryna przewiduje na logowanie.")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE_TITLE,
     "Ta witryna nie rozpoczęła tego logowania")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE,
     "Adres jest niepełny, został zmieniony po drodze albo należy do "
     "wcześniejszego logowania.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK_TITLE,
     "Odpowiedź logowania jest niekompletna")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK,
     "vcita odesłała przeglądarkę bez danych potrzebnych do zalogowania.")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE_TITLE,
     "Odpowiedź logowania trafiła pod niewłaściwy adres")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE,
     "Logowanie nie powiodło się: odpowiedź vcita trafiła pod adres, "
     "który jej nie przyjmuje. Musi to poprawić administrator tej witryny.")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST_TITLE,
     "Pod tym adresem nie można się zalogować")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST,
     "Nazwa hosta w żądaniu jest nieprawidłowa. Sprawdź adres i spróbuj "
     "ponownie.")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT_TITLE,
     "To logowanie straciło ważność")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT,
     "vcita nie przyjmuje już tego logowania: zostało już użyte albo "
     "trwało zbyt długo.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT_TITLE,
     "Ta witryna jest niepoprawnie skonfigurowana")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT,
     "vcita nie rozpoznaje tej witryny. Musi się tym zająć administrator "
     "witryny.")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED_TITLE,
     "W tej chwili loguje się wiele osób")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED,
     "Utworzyła się kolejka. Nie zamykaj tej strony. Gdy przyjdzie Twoja "
     "kolej, spróbuje ona ponownie automatycznie.")

text(NGX_HTTP_VCITA_TEXT_BAD_TOKEN_RESPONSE_TITLE,
     "vcita przesłała nieoczekiwaną odpowiedź")

text(NGX_HTTP_VCITA_TEXT_UNFINISHED,
     "Nie udało się dokończyć logowania. Często pomaga ponowna próba.")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN_TITLE,
     "Odpowiedź vcita nie dotyczy tego logowania")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN,
     "Nie można było zaufać danym o Tobie, które przesłała vcita. "
     "Często pomaga ponowna próba.")

text(NGX_HTTP_VCITA_TEXT_BAD_USERINFO_TITLE,
     "vcita nie podała, kto się loguje")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE_TITLE,
     "Nie można połączyć się z vcita")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE,
     "Ta witryna nie mogła połączyć się z vcita. Spróbuj ponownie za "
     "kilka minut.")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT_TITLE, "vcita zbyt długo nie odpowiadała")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT,
     "Nie udało się dokończyć logowania. Spróbuj ponownie za kilka minut.")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE_TITLE,
     "Dane konta są zbyt obszerne")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE,
     "Danych o Twoim koncie jest więcej, niż ta witryna może przechować. "
     "Musi się tym zająć jej administrator.")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE_TITLE,
     "W tej chwili nie możemy sprawdzić Twojego logowania")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE,
     "Ta witryna nie mogła ustalić, czy trwa Twoja sesja. Nic nie "
     "przepadło: spróbuj ponownie za chwilę.")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED_TITLE, "To konto nie ma dostępu")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED,
     "Logowanie się powiodło, ale ta witryna nie jest dostępna dla Twojego "
     "konta.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_IN_AS, "Zalogowane konto: %s.")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN_TITLE,
     "Token dostępu jest nieprawidłowy")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN,
     "Token przesłany z tym żądaniem wygasł albo nie został wydany przez "
     "vcita dla tej aplikacji. Uzyskaj nowy i spróbuj ponownie.")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE_TITLE,
     "W tej chwili nie można sprawdzić tokenów")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE,
     "Ta witryna nie mogła pobrać kluczy vcita. Spróbuj ponownie za "
     "minutę.")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE, "Zaloguj się ponownie")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED,
     "Ta strona wymaga niedawnego logowania, a ostatnie było zbyt dawno.")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST_TITLE,
     "Logowanie wciąż nie zostaje zapamiętane")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST,
     "Logowanie powiodło się kilka razy, ale przeglądarka nie odesłała "
     "pliku cookie sesji. Zezwól na pliki cookie tej witryny, otwórz ją "
     "pod adresem używanym przez jej linki i spróbuj ponownie za minutę.")

text(NGX_HTTP_VCITA_TEXT_COOKIE_NAME, "Ten plik cookie nazywa się %s.")

text(NGX_HTTP_VCITA_TEXT_LOST_FRAMED,
     "Ta witryna jest wyświetlana wewnątrz innej strony, gdzie "
     "przeglądarka wstrzymuje jej pliki cookie. Otwórz ją w osobnej karcie.")

text(NGX_HTTP_VCITA_TEXT_LOST_HTTP,
     "Ta witryna została otwarta przez http, a logowanie działa tylko przez "
     "https. Wpisz https:// przed jej adresem.")

text(NGX_HTTP_VCITA_TEXT_LOST_ELSEWHERE,
     "Ta witryna została otwarta pod inną nazwą niż ta, która służy do "
     "logowania. Otwórz ją pod adresem otrzymanym od administratora.")

text(NGX_HTTP_VCITA_TEXT_LOST_CLASH,
     "Logowanie powiodło się kilka razy, ale przeglądarka odesłała inny "
     "plik cookie o tej samej nazwie co plik cookie sesji tej witryny. Usuń "
     "pliki cookie tej witryny i spróbuj ponownie za minutę.")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD_TITLE,
     "Ten adres służy tylko do logowania")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD,
     "Odpowiada tylko przeglądarce, która wraca z vcita.")

text(NGX_HTTP_VCITA_TEXT_REFUSED_TITLE, "vcita odrzuciła logowanie")

text(NGX_HTTP_VCITA_TEXT_REFUSED,
     "Nie udało się dokończyć logowania. Jeśli ponowna próba nie "
     "pomoże, musi się tym zająć administrator tej witryny.")

text(NGX_HTTP_VCITA_TEXT_FAILED_TITLE,
     "Nie udało się odpowiedzieć na żądanie")

text(NGX_HTTP_VCITA_TEXT_FAILED,
     "Coś poszło nie tak. Spróbuj ponownie za chwilę.")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED_TITLE, "Zaloguj się")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED,
     "Sesja nie istnieje lub wygasła. Przesłane dane nie zostały "
     "przetworzone. Zaloguj się w nowej karcie, a potem wyślij je ponownie.")

text(NGX_HTTP_VCITA_TEXT_TOO_OLD,
     "Od ostatniego logowania minęło zbyt dużo czasu. Przesłane dane nie "
     "zostały przetworzone. Zaloguj się w nowej karcie, a potem wyślij je "
     "ponownie.")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN_TITLE, "Twoja sesja nadal trwa")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN,
     "Nie udało się teraz zakończyć sesji. Spróbuj ponownie za chwilę.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT_TITLE, "Wylogowano")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT,
     "Ta witryna już Cię nie pamięta. Sesja w vcita może nadal trwać.")

text(NGX_HTTP_VCITA_TEXT_ASK_SIGN_OUT_TITLE, "Czy chcesz się wylogować?")

text(NGX_HTTP_VCITA_TEXT_ASK_FOREIGN, "Inna witryna przekierowała Cię tutaj.")

text(NGX_HTTP_VCITA_TEXT_ASK_CLICK, "Aby się wylogować, trzeba kliknąć.")

text(NGX_HTTP_VCITA_TEXT_WAIT, "Szacowany czas oczekiwania: %s min")

text(NGX_HTTP_VCITA_TEXT_TRY_AGAIN, "Spróbuj ponownie")

text(NGX_HTTP_VCITA_TEXT_TRY_NOW, "Spróbuj teraz")

text(NGX_HTTP_VCITA_TEXT_START_PAGE, "Przejdź do strony głównej")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN, "Zaloguj się")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN, "Zaloguj się ponownie")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_OTHER, "Zaloguj się na inne konto")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_TAB, "Zaloguj się w nowej karcie")

text(NGX_HTTP_VCITA_TEXT_SIGN_OUT, "Wyloguj się")

text(NGX_HTTP_VCITA_TEXT_CODE, "Kod:")

text(NGX_HTTP_VCITA_TEXT_TIME, "Czas:")

text(NGX_HTTP_VCITA_TEXT_REFERENCE, "Numer referencyjny:")

text(NGX_HTTP_VCITA_TEXT_REQUEST, "Żądanie:")

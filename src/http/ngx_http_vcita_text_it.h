
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The texts of the pages in Italian, with "tu".
 */


text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED_TITLE,
     "L'accesso non è stato autorizzato")

text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED,
     "Non hai permesso a questo sito di farti accedere con vcita. Nessun dato "
     "è stato condiviso.")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH_TITLE,
     "L'accesso non corrisponde a questo browser")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH,
     "L'accesso è iniziato in un altro browser o in un'altra finestra, "
     "oppure i cookie di questo sito sono bloccati. Consenti i cookie per "
     "questo sito, poi riprova.")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED_TITLE,
     "L'accesso ha richiesto troppo tempo")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED,
     "È trascorso più tempo di quanto questo sito consente per accedere.")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE_TITLE,
     "Questo accesso non è stato avviato da questo sito")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE,
     "L'indirizzo è incompleto, è stato modificato lungo il percorso o "
     "appartiene a un accesso precedente.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK_TITLE,
     "La risposta di accesso è incompleta")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK,
     "vcita ha rimandato il browser senza i dati necessari per accedere.")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE_TITLE,
     "La risposta di accesso è arrivata a un indirizzo sbagliato")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE,
     "L'accesso non è avvenuto: la risposta di vcita è arrivata a un "
     "indirizzo che non la accetta. Il gestore di questo sito deve "
     "correggerlo.")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST_TITLE,
     "Non è possibile effettuare l'accesso da questo indirizzo")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST,
     "Il nome host della richiesta non è valido. Controlla l'indirizzo, poi "
     "riprova.")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT_TITLE, "L'accesso non è più valido")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT,
     "vcita non accetta più questo accesso: è già stato usato o ha "
     "richiesto troppo tempo.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT_TITLE,
     "Questo sito non è configurato correttamente")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT,
     "vcita non riconosce questo sito. Il gestore deve verificare.")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED_TITLE,
     "In questo momento molte persone stanno accedendo")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED,
     "C'è una coda. Lascia aperta questa pagina. Riproverà automaticamente "
     "quando sarà il tuo turno.")

text(NGX_HTTP_VCITA_TEXT_BAD_TOKEN_RESPONSE_TITLE,
     "vcita ha dato una risposta inattesa")

text(NGX_HTTP_VCITA_TEXT_UNFINISHED,
     "Non è stato possibile completare l'accesso. Spesso basta riprovare.")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN_TITLE,
     "La risposta di vcita non riguarda questo accesso")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN,
     "Non è stato possibile verificare i dati che vcita ha inviato su di te. "
     "Spesso basta riprovare.")

text(NGX_HTTP_VCITA_TEXT_BAD_USERINFO_TITLE, "vcita non ha indicato chi sei")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE_TITLE, "vcita non è raggiungibile")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE,
     "Questo sito non è riuscito a connettersi a vcita. Riprova tra qualche "
     "minuto.")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT_TITLE,
     "vcita ha impiegato troppo tempo a rispondere")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT,
     "Non è stato possibile completare l'accesso. Riprova tra qualche minuto.")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE_TITLE,
     "I dati dell'account sono troppi")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE,
     "Ci sono più informazioni sul tuo account di quante questo sito possa "
     "conservare. Il gestore deve verificare.")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE_TITLE,
     "Al momento non possiamo verificare il tuo accesso")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE,
     "Questo sito non è riuscito a stabilire se hai effettuato l'accesso. "
     "Nulla è andato perso: riprova tra un momento.")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED_TITLE,
     "Con questo account non hai accesso")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED,
     "Hai effettuato l'accesso, ma questo sito non è aperto al tuo account.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_IN_AS, "Hai effettuato l'accesso come %s.")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN_TITLE,
     "Il token di accesso non è valido")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN,
     "Il token arrivato con questa richiesta è scaduto o non è stato emesso "
     "da vcita per questa app. Richiedine uno nuovo, poi riprova.")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE_TITLE,
     "Al momento non è possibile verificare i token")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE,
     "Questo sito non è riuscito a ottenere le chiavi di vcita. Riprova tra "
     "un minuto.")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE, "Accedi di nuovo")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED,
     "Questa pagina richiede un accesso recente, ma l'ultimo risale a troppo "
     "tempo fa.")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST_TITLE,
     "Il tuo accesso continua ad andare perso")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST,
     "Hai effettuato l'accesso più volte, ma il browser non ha rimandato il "
     "cookie di sessione. Consenti i cookie per questo sito, aprilo con "
     "l'indirizzo usato dai suoi link, poi riprova tra un minuto.")

text(NGX_HTTP_VCITA_TEXT_COOKIE_NAME, "Il cookie si chiama %s.")

text(NGX_HTTP_VCITA_TEXT_LOST_FRAMED,
     "Questo sito è mostrato dentro un'altra pagina, dove il browser "
     "trattiene i suoi cookie. Apri questo sito in una scheda separata.")

text(NGX_HTTP_VCITA_TEXT_LOST_HTTP,
     "Questo sito è stato aperto in http, ma l'accesso funziona solo in "
     "https. Metti https:// davanti all'indirizzo.")

text(NGX_HTTP_VCITA_TEXT_LOST_ELSEWHERE,
     "Questo sito è stato aperto con un nome diverso da quello usato per "
     "l'accesso. Aprilo con l'indirizzo che ti ha dato il gestore.")

text(NGX_HTTP_VCITA_TEXT_LOST_CLASH,
     "Hai effettuato l'accesso più volte, ma il browser ha rimandato un "
     "altro cookie con il nome del cookie di sessione di questo sito. Elimina "
     "i cookie di questo sito, poi riprova tra un minuto.")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD_TITLE,
     "Questo indirizzo serve solo per accedere")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD,
     "Risponde solo a un browser che torna da vcita.")

text(NGX_HTTP_VCITA_TEXT_REFUSED_TITLE, "vcita ha rifiutato l'accesso")

text(NGX_HTTP_VCITA_TEXT_REFUSED,
     "Non è stato possibile completare l'accesso. Se riprovare non basta, il "
     "gestore di questo sito deve verificare.")

text(NGX_HTTP_VCITA_TEXT_FAILED_TITLE,
     "Non è stato possibile rispondere alla richiesta")

text(NGX_HTTP_VCITA_TEXT_FAILED,
     "Qualcosa è andato storto. Riprova tra un momento.")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED_TITLE, "Accedi")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED,
     "Non hai effettuato l'accesso o la sessione è terminata. Quello che hai "
     "inviato non è stato elaborato. Accedi in una nuova scheda, poi invialo "
     "di nuovo.")

text(NGX_HTTP_VCITA_TEXT_TOO_OLD,
     "Il tuo accesso è troppo vecchio per questa operazione. Quello che hai "
     "inviato non è stato elaborato. Accedi in una nuova scheda, poi invialo "
     "di nuovo.")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN_TITLE,
     "La tua sessione è ancora aperta")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN,
     "Non è stato possibile chiudere la sessione in questo momento. Riprova "
     "tra un momento.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT_TITLE, "Hai effettuato la disconnessione")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT,
     "Questo sito non ti ricorda più. La tua sessione su vcita potrebbe "
     "essere ancora aperta.")

text(NGX_HTTP_VCITA_TEXT_ASK_SIGN_OUT_TITLE, "Vuoi uscire?")

text(NGX_HTTP_VCITA_TEXT_ASK_FOREIGN, "Un altro sito ti ha mandato qui.")

text(NGX_HTTP_VCITA_TEXT_ASK_CLICK, "Per uscire serve un clic.")

text(NGX_HTTP_VCITA_TEXT_WAIT, "Attesa stimata: %s min")

text(NGX_HTTP_VCITA_TEXT_TRY_AGAIN, "Riprova")

text(NGX_HTTP_VCITA_TEXT_TRY_NOW, "Prova ora")

text(NGX_HTTP_VCITA_TEXT_START_PAGE, "Vai alla pagina iniziale")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN, "Accedi")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN, "Accedi nuovamente")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_OTHER, "Accedi con un altro account")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_TAB, "Accedi in una nuova scheda")

text(NGX_HTTP_VCITA_TEXT_SIGN_OUT, "Esci")

text(NGX_HTTP_VCITA_TEXT_CODE, "Codice:")

text(NGX_HTTP_VCITA_TEXT_TIME, "Data e ora:")

text(NGX_HTTP_VCITA_TEXT_REFERENCE, "Riferimento:")

text(NGX_HTTP_VCITA_TEXT_REQUEST, "Richiesta:")

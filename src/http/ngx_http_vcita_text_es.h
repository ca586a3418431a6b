
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The texts of the pages in Spanish, with "usted".
 */


text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED_TITLE, "No se permitió el acceso")

text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED,
     "No ha permitido que este sitio inicie su sesión con vcita. No se ha "
     "compartido ningún dato.")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH_TITLE,
     "El inicio de sesión no corresponde a este navegador")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH,
     "El inicio de sesión empezó en otro navegador o ventana, o las cookies "
     "de este sitio están bloqueadas. Permita las cookies de este sitio e "
     "inténtelo de nuevo.")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED_TITLE,
     "El inicio de sesión tardó demasiado")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED,
     "Ha pasado más tiempo del que este sitio permite para iniciar sesión.")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE_TITLE,
     "Este inicio de sesión no comenzó en este sitio")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE,
     "La dirección está incompleta, se modificó por el camino o pertenece "
     "a un inicio de sesión anterior.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK_TITLE,
     "La respuesta de vcita está incompleta")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK,
     "vcita devolvió el navegador sin los datos necesarios para iniciar "
     "sesión.")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE_TITLE,
     "La respuesta de vcita llegó a una dirección incorrecta")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE,
     "No ha iniciado sesión: la respuesta de vcita llegó a una dirección "
     "que no la acepta. El administrador de este sitio tiene que corregirlo.")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST_TITLE,
     "No se puede iniciar sesión en esta dirección")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST,
     "El nombre de host de la solicitud no es válido. Compruebe la "
     "dirección e inténtelo de nuevo.")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT_TITLE,
     "El inicio de sesión ya no es válido")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT,
     "vcita ya no acepta este inicio de sesión: ya se utilizó o tardó "
     "demasiado.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT_TITLE,
     "Este sitio no está bien configurado")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT,
     "vcita no reconoce este sitio. El administrador del sitio tiene que "
     "revisarlo.")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED_TITLE,
     "Muchas personas están iniciando sesión en este momento")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED,
     "Hay una cola. Deje abierta esta página. Volverá a intentarlo "
     "automáticamente cuando llegue su turno.")

text(NGX_HTTP_VCITA_TEXT_BAD_TOKEN_RESPONSE_TITLE,
     "vcita dio una respuesta inesperada")

text(NGX_HTTP_VCITA_TEXT_UNFINISHED,
     "No se pudo completar el inicio de sesión. Volver a intentarlo suele "
     "ayudar.")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN_TITLE,
     "La respuesta de vcita no corresponde a este inicio de sesión")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN,
     "No se pudieron verificar los datos que vcita envió sobre usted. Volver "
     "a intentarlo suele ayudar.")

text(NGX_HTTP_VCITA_TEXT_BAD_USERINFO_TITLE, "vcita no indicó quién es usted")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE_TITLE, "No se puede contactar con vcita")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE,
     "Este sitio no pudo conectarse con vcita. Inténtelo de nuevo en unos "
     "minutos.")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT_TITLE, "vcita tardó demasiado en responder")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT,
     "No se pudo completar el inicio de sesión. Inténtelo de nuevo en unos "
     "minutos.")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE_TITLE,
     "Los datos de la cuenta son demasiado extensos")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE,
     "Hay más información sobre su cuenta de la que este sitio puede "
     "guardar. El administrador del sitio tiene que revisarlo.")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE_TITLE,
     "En este momento no podemos comprobar su sesión")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE,
     "Este sitio no pudo averiguar si ha iniciado sesión. No se ha perdido "
     "nada: inténtelo de nuevo en un momento.")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED_TITLE, "No tiene acceso con esta cuenta")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED,
     "Ha iniciado sesión, pero su cuenta no tiene acceso a este sitio.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_IN_AS, "Ha iniciado sesión como %s.")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN_TITLE,
     "El token de acceso no es válido")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN,
     "El token que llegó con esta solicitud ha caducado o vcita no lo "
     "emitió para esta aplicación. Solicite uno nuevo e inténtelo de nuevo.")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE_TITLE,
     "En este momento no se pueden comprobar los tokens")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE,
     "Este sitio no pudo obtener las claves de vcita. Inténtelo de nuevo en "
     "un minuto.")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE, "Vuelva a iniciar sesión")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED,
     "Esta página requiere un inicio de sesión reciente, pero el último es "
     "demasiado antiguo.")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST_TITLE,
     "Su inicio de sesión se pierde una y otra vez")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST,
     "Ha iniciado sesión varias veces, pero el navegador no devolvió la "
     "cookie de sesión. Permita las cookies de este sitio, ábralo con la "
     "dirección que usan sus enlaces e inténtelo de nuevo en un minuto.")

text(NGX_HTTP_VCITA_TEXT_COOKIE_NAME, "La cookie se llama %s.")

text(NGX_HTTP_VCITA_TEXT_LOST_FRAMED,
     "Este sitio se muestra dentro de otra página, donde el navegador "
     "retiene sus cookies. Ábralo en una pestaña propia.")

text(NGX_HTTP_VCITA_TEXT_LOST_HTTP,
     "Este sitio se abrió por http, pero el inicio de sesión solo funciona "
     "por https. Ponga https:// delante de la dirección.")

text(NGX_HTTP_VCITA_TEXT_LOST_ELSEWHERE,
     "Este sitio se abrió con un nombre distinto del que usa para iniciar "
     "sesión. Ábralo con la dirección que le dio el administrador del "
     "sitio.")

text(NGX_HTTP_VCITA_TEXT_LOST_CLASH,
     "Ha iniciado sesión varias veces, pero el navegador devolvió otra "
     "cookie con el mismo nombre que la cookie de sesión de este sitio. "
     "Borre las cookies de este sitio e inténtelo de nuevo en un minuto.")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD_TITLE,
     "Esta dirección es solo para iniciar sesión")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD,
     "Solo responde a un navegador que vuelve de vcita.")

text(NGX_HTTP_VCITA_TEXT_REFUSED_TITLE, "vcita rechazó el inicio de sesión")

text(NGX_HTTP_VCITA_TEXT_REFUSED,
     "No se pudo completar el inicio de sesión. Si volver a intentarlo no "
     "ayuda, el administrador de este sitio tiene que revisarlo.")

text(NGX_HTTP_VCITA_TEXT_FAILED_TITLE, "No se pudo responder a la solicitud")

text(NGX_HTTP_VCITA_TEXT_FAILED,
     "Algo ha fallado. Inténtelo de nuevo en un momento.")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED_TITLE, "Inicie sesión")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED,
     "No ha iniciado sesión o su sesión ha terminado. Lo que envió no se "
     "ha procesado. Inicie sesión en una pestaña nueva y vuelva a enviarlo.")

text(NGX_HTTP_VCITA_TEXT_TOO_OLD,
     "Inició sesión hace demasiado tiempo para esto. Lo que envió no se ha "
     "procesado. Inicie sesión en una pestaña nueva y vuelva a enviarlo.")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN_TITLE, "Su sesión sigue abierta")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN,
     "No se pudo cerrar su sesión en este momento. Inténtelo de nuevo en un "
     "momento.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT_TITLE, "Ha cerrado la sesión")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT,
     "Este sitio ya no recuerda su sesión. Es posible que su sesión en "
     "vcita siga abierta.")

text(NGX_HTTP_VCITA_TEXT_ASK_SIGN_OUT_TITLE, "¿Desea cerrar la sesión?")

text(NGX_HTTP_VCITA_TEXT_ASK_FOREIGN, "Otro sitio le ha enviado aquí.")

text(NGX_HTTP_VCITA_TEXT_ASK_CLICK,
     "Para cerrar la sesión hace falta un clic.")

text(NGX_HTTP_VCITA_TEXT_WAIT, "Espera estimada: %s min")

text(NGX_HTTP_VCITA_TEXT_TRY_AGAIN, "Intentarlo de nuevo")

text(NGX_HTTP_VCITA_TEXT_TRY_NOW, "Intentarlo ahora")

text(NGX_HTTP_VCITA_TEXT_START_PAGE, "Ir a la página de inicio")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN, "Iniciar sesión")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN, "Iniciar sesión de nuevo")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_OTHER, "Iniciar sesión con otra cuenta")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_TAB, "Iniciar sesión en una pestaña nueva")

text(NGX_HTTP_VCITA_TEXT_SIGN_OUT, "Cerrar sesión")

text(NGX_HTTP_VCITA_TEXT_CODE, "Código:")

text(NGX_HTTP_VCITA_TEXT_TIME, "Fecha y hora:")

text(NGX_HTTP_VCITA_TEXT_REFERENCE, "Referencia:")

text(NGX_HTTP_VCITA_TEXT_REQUEST, "Solicitud:")

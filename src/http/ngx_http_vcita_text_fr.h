
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The texts of the pages in French, with "vous".
 */


text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED_TITLE,
     "L'accès n'a pas été autorisé")

text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED,
     "Vous n'avez pas autorisé ce site à vous connecter avec vcita. Aucune "
     "donnée n'a été partagée.")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH_TITLE,
     "Cette connexion ne correspond pas à ce navigateur")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH,
     "La connexion a été commencée dans un autre navigateur ou une autre "
     "fenêtre, ou les cookies de ce site sont bloqués. Autorisez les "
     "cookies de ce site, puis réessayez.")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED_TITLE,
     "La connexion a pris trop de temps")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED,
     "Le délai de connexion prévu par ce site est dépassé.")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE_TITLE,
     "Ce site n'a pas lancé cette connexion")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE,
     "L'adresse est incomplète, a été modifiée en route ou appartient à "
     "une connexion plus ancienne.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK_TITLE,
     "La réponse de vcita est incomplète")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK,
     "vcita a renvoyé le navigateur sans les informations nécessaires à la "
     "connexion.")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE_TITLE,
     "La réponse de vcita est arrivée à une mauvaise adresse")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE,
     "La connexion n'a pas abouti : la réponse de vcita est arrivée à une "
     "adresse qui ne l'accepte pas. L'administrateur de ce site doit corriger "
     "cela.")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST_TITLE,
     "Impossible de se connecter à cette adresse")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST,
     "Le nom d'hôte de la requête n'est pas valide. Vérifiez l'adresse, "
     "puis réessayez.")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT_TITLE,
     "Cette connexion n'est plus valable")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT,
     "vcita n'accepte plus cette connexion : elle a déjà servi ou a pris "
     "trop de temps.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT_TITLE,
     "Ce site n'est pas configuré correctement")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT,
     "vcita ne reconnaît pas ce site. Son administrateur doit intervenir.")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED_TITLE,
     "De nombreuses personnes se connectent en ce moment")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED,
     "Il y a une file d'attente. Laissez cette page ouverte. Elle réessaiera "
     "automatiquement quand ce sera votre tour.")

text(NGX_HTTP_VCITA_TEXT_BAD_TOKEN_RESPONSE_TITLE,
     "vcita a donné une réponse inattendue")

text(NGX_HTTP_VCITA_TEXT_UNFINISHED,
     "La connexion n'a pas pu aboutir. Réessayer suffit souvent.")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN_TITLE,
     "La réponse de vcita ne concerne pas cette connexion")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN,
     "Les informations de vcita à votre sujet n'ont pas pu être "
     "vérifiées. Réessayer suffit souvent.")

text(NGX_HTTP_VCITA_TEXT_BAD_USERINFO_TITLE,
     "vcita n'a pas indiqué qui vous êtes")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE_TITLE, "vcita est injoignable")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE,
     "Ce site n'a pas pu joindre vcita. Réessayez dans quelques minutes.")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT_TITLE,
     "vcita a mis trop de temps à répondre")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT,
     "La connexion n'a pas pu aboutir. Réessayez dans quelques minutes.")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE_TITLE,
     "Les données du compte sont trop volumineuses")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE,
     "Votre compte comporte plus d'informations que ce site ne peut en "
     "conserver. L'administrateur de ce site doit intervenir.")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE_TITLE,
     "Nous ne pouvons pas vérifier votre connexion pour le moment")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE,
     "Ce site n'a pas pu déterminer si vous avez une session ouverte. Rien "
     "n'est perdu : réessayez dans un instant.")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED_TITLE,
     "Vous n'avez pas accès avec ce compte")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED,
     "Votre session est ouverte, mais ce site n'est pas accessible à votre "
     "compte.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_IN_AS, "Compte utilisé : %s.")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN_TITLE,
     "Le jeton d'accès n'est pas valide")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN,
     "Le jeton joint à cette requête a expiré ou n'a pas été émis par "
     "vcita pour cette application. Demandez-en un nouveau, puis réessayez.")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE_TITLE,
     "Les jetons ne peuvent pas être vérifiés pour le moment")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE,
     "Ce site n'a pas pu obtenir les clés de vcita. Réessayez dans une "
     "minute.")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE, "Veuillez vous reconnecter")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED,
     "Cette page exige une connexion récente, mais la dernière est trop "
     "ancienne.")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST_TITLE,
     "Votre connexion se perd sans cesse")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST,
     "La connexion a réussi plusieurs fois, mais le navigateur n'a pas "
     "renvoyé le cookie de session. Autorisez les cookies de ce site, "
     "ouvrez-le à l'adresse utilisée par ses liens, puis réessayez dans "
     "une minute.")

text(NGX_HTTP_VCITA_TEXT_COOKIE_NAME, "Le cookie s'appelle %s.")

text(NGX_HTTP_VCITA_TEXT_LOST_FRAMED,
     "Ce site est affiché dans une autre page, où le navigateur retient ses "
     "cookies. Ouvrez ce site dans son propre onglet.")

text(NGX_HTTP_VCITA_TEXT_LOST_HTTP,
     "Ce site a été ouvert en http, mais la connexion ne fonctionne qu'en "
     "https. Mettez https:// devant son adresse.")

text(NGX_HTTP_VCITA_TEXT_LOST_ELSEWHERE,
     "Ce site a été ouvert sous un autre nom que celui qui sert à la "
     "connexion. Ouvrez-le à l'adresse que son administrateur vous a donnée.")

text(NGX_HTTP_VCITA_TEXT_LOST_CLASH,
     "La connexion a réussi plusieurs fois, mais le navigateur a renvoyé un "
     "autre cookie portant le nom du cookie de session de ce site. Supprimez "
     "les cookies de ce site, puis réessayez dans une minute.")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD_TITLE,
     "Cette adresse sert uniquement à la connexion")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD,
     "Elle ne répond qu'à un navigateur qui revient de vcita.")

text(NGX_HTTP_VCITA_TEXT_REFUSED_TITLE, "vcita a refusé la connexion")

text(NGX_HTTP_VCITA_TEXT_REFUSED,
     "La connexion n'a pas pu aboutir. Si réessayer ne suffit pas, "
     "l'administrateur de ce site doit intervenir.")

text(NGX_HTTP_VCITA_TEXT_FAILED_TITLE, "La requête n'a pas pu être traitée")

text(NGX_HTTP_VCITA_TEXT_FAILED,
     "Un problème est survenu. Réessayez dans un instant.")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED_TITLE, "Veuillez vous connecter")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED,
     "Aucune session n'est ouverte, ou votre session a pris fin. Votre envoi "
     "n'a pas été traité. Connectez-vous dans un nouvel onglet, puis "
     "renvoyez le formulaire.")

text(NGX_HTTP_VCITA_TEXT_TOO_OLD,
     "Votre connexion est trop ancienne pour cette opération. Votre envoi "
     "n'a pas été traité. Connectez-vous dans un nouvel onglet, puis "
     "renvoyez le formulaire.")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN_TITLE,
     "Votre session est toujours ouverte")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN,
     "Votre session n'a pas pu être fermée pour le moment. Réessayez dans "
     "un instant.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT_TITLE, "Votre session est fermée")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT,
     "Ce site vous a oublié. Votre session chez vcita est peut-être encore "
     "ouverte.")

text(NGX_HTTP_VCITA_TEXT_ASK_SIGN_OUT_TITLE, "Voulez-vous vous déconnecter ?")

text(NGX_HTTP_VCITA_TEXT_ASK_FOREIGN, "Un autre site vous a envoyé ici.")

text(NGX_HTTP_VCITA_TEXT_ASK_CLICK,
     "Un clic est nécessaire pour se déconnecter.")

text(NGX_HTTP_VCITA_TEXT_WAIT, "Attente estimée : %s min")

text(NGX_HTTP_VCITA_TEXT_TRY_AGAIN, "Réessayer")

text(NGX_HTTP_VCITA_TEXT_TRY_NOW, "Essayer maintenant")

text(NGX_HTTP_VCITA_TEXT_START_PAGE, "Aller à la page d'accueil")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN, "Se connecter")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN, "Se reconnecter")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_OTHER, "Se connecter avec un autre compte")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_TAB, "Se connecter dans un nouvel onglet")

text(NGX_HTTP_VCITA_TEXT_SIGN_OUT, "Se déconnecter")

text(NGX_HTTP_VCITA_TEXT_CODE, "Code :")

text(NGX_HTTP_VCITA_TEXT_TIME, "Date et heure :")

text(NGX_HTTP_VCITA_TEXT_REFERENCE, "Référence :")

text(NGX_HTTP_VCITA_TEXT_REQUEST, "Requête :")

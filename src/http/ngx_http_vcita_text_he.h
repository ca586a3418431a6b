
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The texts of the pages in Hebrew, in infinitives, which have no gender.
 */


text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED_TITLE, "הגישה לא אושרה")

text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED,
     "לא אושרה לאתר הזה התחברות באמצעות vcita. "
     "לא שותף שום מידע.")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH_TITLE,
     "ההתחברות אינה תואמת לדפדפן הזה")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH,
     "ההתחברות החלה בדפדפן אחר או בחלון אחר, "
     "או שקובצי ה-cookie של האתר חסומים. יש לאפשר "
     "קובצי cookie לאתר הזה ולנסות שוב.")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED_TITLE,
     "ההתחברות ארכה זמן רב מדי")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED,
     "חלף פרק הזמן שהאתר מאפשר להתחברות.")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE_TITLE,
     "ההתחברות הזאת לא החלה באתר הזה")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE,
     "הכתובת אינה שלמה, השתנתה בדרך או שייכת "
     "להתחברות קודמת.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK_TITLE,
     "התשובה של vcita אינה שלמה")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK,
     "vcita החזירה את הדפדפן בלי הנתונים "
     "הדרושים להתחברות.")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE_TITLE,
     "תשובת ההתחברות הגיעה לכתובת שגויה")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE,
     "ההתחברות לא הושלמה: התשובה של vcita הגיעה "
     "לכתובת שאינה מקבלת אותה. על מפעיל האתר "
     "לתקן זאת.")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST_TITLE,
     "אי אפשר להתחבר בכתובת הזאת")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST,
     "שם המארח בבקשה אינו תקין. יש לבדוק את "
     "הכתובת ולנסות שוב.")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT_TITLE,
     "ההתחברות כבר אינה בתוקף")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT,
     "vcita כבר אינה מקבלת את ההתחברות הזאת: היא "
     "כבר נוצלה או ארכה זמן רב מדי.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT_TITLE,
     "האתר הזה אינו מוגדר כראוי")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT,
     "vcita אינה מזהה את האתר הזה. על מפעיל האתר "
     "לבדוק זאת.")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED_TITLE,
     "אנשים רבים מתחברים כרגע")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED,
     "יש תור. יש להשאיר את הדף הזה פתוח. הוא "
     "ינסה שוב אוטומטית בהגיע התור.")

text(NGX_HTTP_VCITA_TEXT_BAD_TOKEN_RESPONSE_TITLE,
     "התקבלה תשובה לא צפויה מ-vcita")

text(NGX_HTTP_VCITA_TEXT_UNFINISHED,
     "לא ניתן היה להשלים את ההתחברות. לרוב "
     "ניסיון נוסף עוזר.")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN_TITLE,
     "התשובה של vcita אינה שייכת להתחברות הזאת")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN,
     "לא ניתן היה לסמוך על הפרטים שהתקבלו "
     "מ-vcita. לרוב ניסיון נוסף עוזר.")

text(NGX_HTTP_VCITA_TEXT_BAD_USERINFO_TITLE,
     "vcita לא מסרה מי מתחבר")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE_TITLE, "vcita אינה זמינה")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE,
     "האתר הזה לא הצליח ליצור קשר עם vcita. יש "
     "לנסות שוב בעוד כמה דקות.")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT_TITLE,
     "התשובה של vcita התעכבה יותר מדי")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT,
     "לא ניתן היה להשלים את ההתחברות. יש "
     "לנסות שוב בעוד כמה דקות.")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE_TITLE,
     "פרטי החשבון ארוכים מדי")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE,
     "יש על החשבון יותר מידע ממה שהאתר הזה "
     "יכול לשמור. על מפעיל האתר לבדוק זאת.")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE_TITLE,
     "לא ניתן לבדוק את ההתחברות כרגע")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE,
     "האתר לא הצליח לברר אם ההתחברות בתוקף. "
     "שום דבר לא אבד: יש לנסות שוב בעוד רגע.")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED_TITLE,
     "לחשבון הזה אין גישה")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED,
     "ההתחברות הצליחה, אבל האתר הזה אינו פתוח "
     "לחשבון הזה.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_IN_AS, "החשבון המחובר: %s.")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN_TITLE,
     "אסימון הגישה אינו תקין")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN,
     "תוקף האסימון שצורף לבקשה פג, או "
     "שהאסימון לא הונפק על ידי vcita לאפליקציה "
     "הזאת. יש לבקש אסימון חדש ולנסות שוב.")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE_TITLE,
     "לא ניתן לבדוק אסימונים כרגע")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE,
     "האתר הזה לא הצליח לקבל את המפתחות של "
     "vcita. יש לנסות שוב בעוד דקה.")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE, "יש להתחבר מחדש")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED,
     "הדף הזה דורש התחברות חדשה, אבל "
     "ההתחברות האחרונה ישנה מדי.")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST_TITLE,
     "ההתחברות הולכת לאיבוד שוב ושוב")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST,
     "ההתחברות הצליחה כמה פעמים, אבל הדפדפן "
     "לא החזיר את קובץ ה-cookie של ההתחברות. יש "
     "לאפשר קובצי cookie לאתר הזה, לפתוח אותו "
     "בכתובת שבה משתמשים הקישורים שלו ולנסות "
     "שוב בעוד דקה.")

text(NGX_HTTP_VCITA_TEXT_COOKIE_NAME, "שם קובץ ה-cookie הוא %s.")

text(NGX_HTTP_VCITA_TEXT_LOST_FRAMED,
     "האתר מוצג בתוך דף אחר, ושם הדפדפן אינו "
     "שולח את קובצי ה-cookie שלו. יש לפתוח את "
     "האתר בלשונית נפרדת.")

text(NGX_HTTP_VCITA_TEXT_LOST_HTTP,
     "האתר נפתח ב-http, אבל ההתחברות פועלת רק "
     "ב-https. יש להקליד את הקידומת https בתחילת "
     "הכתובת.")

text(NGX_HTTP_VCITA_TEXT_LOST_ELSEWHERE,
     "האתר נפתח בשם אחר מזה שמשמש להתחברות. "
     "יש לפתוח אותו בכתובת שנמסרה על ידי "
     "מפעיל האתר.")

text(NGX_HTTP_VCITA_TEXT_LOST_CLASH,
     "ההתחברות הצליחה כמה פעמים, אבל הדפדפן "
     "החזיר קובץ cookie אחר בשם של קובץ ה-cookie של "
     "האתר. יש למחוק את קובצי ה-cookie של האתר "
     "ולנסות שוב בעוד דקה.")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD_TITLE,
     "הכתובת הזאת מיועדת להתחברות בלבד")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD,
     "היא עונה רק לדפדפן שחוזר מ-vcita.")

text(NGX_HTTP_VCITA_TEXT_REFUSED_TITLE, "vcita סירבה להתחברות")

text(NGX_HTTP_VCITA_TEXT_REFUSED,
     "לא ניתן היה להשלים את ההתחברות. אם "
     "ניסיון נוסף אינו עוזר, על מפעיל האתר "
     "לבדוק זאת.")

text(NGX_HTTP_VCITA_TEXT_FAILED_TITLE,
     "לא ניתן היה להשיב לבקשה")

text(NGX_HTTP_VCITA_TEXT_FAILED,
     "משהו השתבש. יש לנסות שוב בעוד רגע.")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED_TITLE, "יש להתחבר")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED,
     "אין התחברות פעילה, או שתוקף ההתחברות "
     "פג. מה שנשלח לא טופל. יש להתחבר בלשונית "
     "חדשה ואז לשלוח שוב.")

text(NGX_HTTP_VCITA_TEXT_TOO_OLD,
     "עבר זמן רב מדי מאז ההתחברות. מה שנשלח לא "
     "טופל. יש להתחבר בלשונית חדשה ואז לשלוח "
     "שוב.")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN_TITLE,
     "ההתחברות עדיין פעילה")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN,
     "לא ניתן היה להתנתק כרגע. יש לנסות שוב "
     "בעוד רגע.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT_TITLE, "ההתנתקות הושלמה")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT,
     "האתר הזה כבר לא זוכר את ההתחברות. ייתכן "
     "שההתחברות ב-vcita עדיין פעילה.")

text(NGX_HTTP_VCITA_TEXT_ASK_SIGN_OUT_TITLE, "להתנתק?")

text(NGX_HTTP_VCITA_TEXT_ASK_FOREIGN,
     "ההפניה לדף הזה הגיעה מאתר אחר.")

text(NGX_HTTP_VCITA_TEXT_ASK_CLICK,
     "כדי להתנתק נדרשת לחיצה.")

text(NGX_HTTP_VCITA_TEXT_WAIT, "זמן המתנה משוער: %s דק׳")

text(NGX_HTTP_VCITA_TEXT_TRY_AGAIN, "לנסות שוב")

text(NGX_HTTP_VCITA_TEXT_TRY_NOW, "לנסות עכשיו")

text(NGX_HTTP_VCITA_TEXT_START_PAGE, "לדף הבית")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN, "התחברות")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN, "התחברות מחדש")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_OTHER, "התחברות עם חשבון אחר")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_TAB, "התחברות בלשונית חדשה")

text(NGX_HTTP_VCITA_TEXT_SIGN_OUT, "התנתקות")

text(NGX_HTTP_VCITA_TEXT_CODE, "קוד:")

text(NGX_HTTP_VCITA_TEXT_TIME, "מועד:")

text(NGX_HTTP_VCITA_TEXT_REFERENCE, "אסמכתה:")

text(NGX_HTTP_VCITA_TEXT_REQUEST, "בקשה:")

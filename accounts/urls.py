"""Getting in. Only those of allauth's pages that we have written a page for."""

from allauth.account import views as allauth_views
from django.urls import path, re_path

from accounts.views import entrance, language, registration, second_step

urlpatterns = [
    path("register/", registration.choose_area, name="register"),
    # allauth's mails call the same page by this name.
    path("register/", registration.choose_area, name="account_signup"),
    path(
        "register/check-your-mail/",
        registration.check_your_mail,
        name="account_email_verification_sent",
    ),
    path("register/send-again/", registration.send_again, name="register_send_again"),
    path("register/another-address/", registration.another_address, name="register_another_address"),
    path("register/<slug:code>/", registration.details, name="register_details"),
    re_path(
        r"^confirm/(?P<key>[-:\w]+)/$",
        entrance.ConfirmAddress.as_view(),
        name="account_confirm_email",
    ),
    path("login/", entrance.LogIn.as_view(), name="account_login"),
    path("login/again/", entrance.Reauthenticate.as_view(), name="account_reauthenticate"),
    path("login/inactive/", allauth_views.account_inactive, name="account_inactive"),
    path("logout/", entrance.LogOut.as_view(), name="account_logout"),
    path("password/forgotten/", entrance.ResetPassword.as_view(), name="account_reset_password"),
    path(
        "password/forgotten/sent/",
        allauth_views.password_reset_done,
        name="account_reset_password_done",
    ),
    re_path(
        r"^password/new/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        entrance.NewPassword.as_view(),
        name="account_reset_password_from_key",
    ),
    path("account/password/", entrance.ChangePassword.as_view(), name="account_change_password"),
    path("account/email/", entrance.ChangeAddress.as_view(), name="account_email"),
    path("i18n/setlang/", language.set_language, name="set_language"),
    path("account/devices/", entrance.Devices.as_view(), name="usersessions_list"),
    path("account/two-step/", second_step.Overview.as_view(), name="mfa_index"),
    path("account/two-step/app/", second_step.SetUpApp.as_view(), name="mfa_activate_totp"),
    path("account/two-step/app/remove/", second_step.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("account/two-step/codes/", second_step.Codes.as_view(), name="mfa_view_recovery_codes"),
    path(
        "account/two-step/codes/new/",
        second_step.NewCodes.as_view(),
        name="mfa_generate_recovery_codes",
    ),
    path("account/two-step/passkeys/add/", second_step.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path(
        "account/two-step/passkeys/<int:pk>/remove/",
        second_step.RemovePasskey.as_view(),
        name="mfa_remove_webauthn",
    ),
    path(
        "login/passkey/again/",
        second_step.AskForPasskeyAgain.as_view(),
        name="mfa_reauthenticate_webauthn",
    ),
    path("login/code/", second_step.Ask.as_view(), name="mfa_authenticate"),
    path("login/code/again/", second_step.AskAgain.as_view(), name="mfa_reauthenticate"),
]

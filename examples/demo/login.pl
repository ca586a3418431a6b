#!/usr/bin/perl

# login.pl [--tour|--no-token] SITE SANDBOX [CA [HOST=ADDRESS:PORT ...]]: a login, as
# a person does it in a browser, each hop printed with its secrets masked.  Exits
# 0 only if the legacy application behind SITE then knew the right person, had a
# token that the sandbox accepts, and saw no cookie of the module.  CA is the file
# of the authorities to trust; HOST is at that address, whatever the name servers
# say.  --tour, for the demo: a sign-out, a refusal and a launch, too.  --no-token:
# the site passes no token on, and the application must have none.

use strict;
use warnings;

use JSON::PP qw(decode_json);
use VcitaBrowser;

# a match that fails is false here, and no empty list
sub check($$);

my $tour = @ARGV && $ARGV[0] eq '--tour' ? shift : '';
my $no_token = @ARGV && $ARGV[0] eq '--no-token' ? shift : '';
my ($site, $sandbox, $ca, @hosts) = @ARGV;
die "usage: login.pl [--tour|--no-token] SITE SANDBOX [CA [HOST=ADDRESS:PORT ...]]\n" unless defined $sandbox;

my $email = 'alice@example.biz';
my $sub = 'a383717599bf1893';
my $wanted = '/reports?year=2026';

$| = 1;

my %at = (ca => $ca, resolve => { map { split /=/, $_, 2 } @hosts });
my ($browser, $printed, $brief);
my $failed = 0;

open_browser();

# a cookie of the application's own: it has to arrive there
$browser->set_cookie(theme => 'dark');

login();
check_application();

if ($tour) {
    $brief = 1;                         # hops are alike from here on
    sign_out();
    refusal();
    launch();
    forget_consents();
}

print $failed ? "\nThis did NOT work.\n"
              : "\nThe login worked" . ($tour && ', and so did the rest') . ".\n";
exit($failed ? 1 : 0);


# that of another person: it has no cookies
sub open_browser {
    $browser = VcitaBrowser->new(base => $site, modern => 1, %at);
    $printed = 0;
}


sub login {
    say_step("Someone opens $site$wanted");
    arrive($email, $wanted);

    say_step('Where that ended');
    check($browser->res->status == 200, 'the last answer is 200');
    check($browser->url eq "$site$wanted", "it is the page asked for: $wanted");
    check($browser->res->body =~ /\Q$email\E/, "the page greets $email");
}


sub sign_out {
    say_step("$email clicks Sign out");
    $browser->get('/logout', site => 'same-origin');
    walk();
    check($browser->res->status == 200, 'the last answer is 200');
    check(!defined $browser->cookie('vcita_session'), 'the session cookie is gone');

    say_step("Then the same browser opens $site$wanted again");
    $browser->get($wanted);
    print_hops();
    check(($browser->res->location // '') =~ m{^\Q$sandbox\E/app/oauth/authorize\?},
          'it is sent to vcita');
}


sub refusal {
    my ($stranger, $colleague) = qw( mallory@other.example bob@example.biz );

    open_browser();
    say_step("$stranger, of another business, opens $site/");
    arrive($stranger, '/');
    check($browser->res->status == 403, 'the last answer is 403');
    check($browser->res->body =~ /\Q$stranger\E/, "the page says who is signed in: $stranger");
    check($browser->res->body !~ /appointment/i, 'the application has shown nothing');

    say_step('The link on that page: sign in as another account');
    arrive($colleague, link_with(qr/prompt=login/));
    check($browser->res->status == 200, 'the last answer is 200');
    check($browser->res->body =~ /\Q$colleague\E/, "the page greets $colleague");
}


sub launch {
    my $person = 'dana@example.biz';

    open_browser();
    say_step("$person opens vcita's Apps page, $sandbox/apps");
    arrive($person, "$sandbox/apps");
    check($browser->url eq "$sandbox/apps", 'the Apps page');

    say_step('The button on that page: Open in a tab');
    arrive($person, link_with(qr{/oauth/callback\?}), cross_site => 1);
    check($browser->res->status == 200, 'the last answer is 200');
    check($browser->url =~ m{^\Q$site\E/\?.*business_uid=},
          'it is the page of the launch, with what vcita tells the app');
    check($browser->res->body =~ /\Q$person\E/, "the page greets $person");
}


# the person at the browser, afterwards, sees the consent page, too
sub forget_consents {
    VcitaBrowser->new(base => $sandbox, %at)->request(DELETE => '/sandbox/consents');
}


# opens an address, and fills in what vcita asks on the way
sub arrive {
    my ($person, $url, %opt) = @_;

    $browser->get($url, %opt);
    walk();

    while ($browser->res->status == 200
           && $browser->url =~ m{^\Q$sandbox\E/(?!apps$)})
    {
        fill_in($person);
        walk();
    }
}


# the sandbox's pages: who are you, and may this application see that
sub fill_in {
    my ($person) = @_;

    if ($browser->res->body =~ /name="password"/) {
        say_step("vcita's login page: the person signs in as $person");
        $browser->post($browser->url,
                       [ email => $person, password => 'any will do' ]);

    } elsif ($browser->res->body =~ /name="answer" value="allow"/) {
        say_step("vcita's consent page: the person clicks Allow");
        $browser->post($browser->url, [ answer => 'allow' ]);

    } else {
        die "a page of the sandbox that this script does not know\n";
    }
}


# the address of a link of the page
sub link_with {
    my ($what) = @_;

    for my $href ($browser->res->body =~ /<a [^>]*\bhref="([^"]*)"/g) {
        my $url = $href =~ s/&amp;/&/gr =~ s/&#(\d+);/chr $1/ger;
        return $url if $url =~ $what;
    }

    die "no such link on the page\n";
}


# follows redirects one by one, and prints each answer as it comes
sub walk {
    print_hops();

    for (1 .. 10) {
        return unless $browser->next_hop;
        $browser->hop;
        print_hops();
    }

    die "more than 10 redirects\n";
}


sub check_application {
    say_step('What the application behind the gate was told');

    my $res = $browser->get('/headers.json');
    my $headers = eval { decode_json($res->body)->{headers} } || {};

    my ($user, $told) = map { $headers->{"x-forwarded-$_"} // '' } qw( user email );
    my $cookie = $headers->{cookie} // '';
    my ($token) = ($headers->{authorization} // '') =~ /^Bearer (\S+)$/;

    check($user eq $sub, "X-Forwarded-User: $user");
    check($told eq $email, "X-Forwarded-Email: $told");

    if ($no_token) {
        check(!defined $headers->{authorization}, 'no Authorization');

    } else {
        my $owner = owner($token);

        check(defined $token, 'Authorization: Bearer '
                              . VcitaBrowser::mask($token // '(none)'));
        check(($owner->{sub} // '') eq $sub && ($owner->{email} // '') eq $email,
              'vcita says that this token is of '
              . ($owner->{email} // 'no one'));
    }

    check($cookie !~ /vcita_session/, "no cookie of the module");
    check($cookie eq 'theme=dark', "its own cookie: $cookie");
}


# whose token this is: the sandbox is asked as an application would ask
sub owner {
    my ($token) = @_;

    my $res = VcitaBrowser->new(base => $sandbox, %at)->get('/oauth/userinfo',
        headers => [ Authorization => 'Bearer ' . ($token // '') ]);

    return eval { decode_json($res->body) } // {};
}


sub print_hops {
    my $all = $browser->describe;
    my $new = substr($all, $printed);

    # the sandbox's pages have an address that only this browser may know
    $new =~ s{/([\w-]{6})[\w-]{30,}}{/$1...}g;

    print $new unless $brief;
    $printed = length $all;
}


sub say_step { print "\n$_[0]\n", $brief ? () : "\n" }


sub check($$) {
    my ($passed, $what) = @_;

    printf "  %-6s %s\n", $passed ? 'ok' : 'FAILED', $what;
    $failed ||= !$passed;
}

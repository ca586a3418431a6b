#!/usr/bin/perl

# login.pl SITE SANDBOX [CA [HOST=ADDRESS:PORT ...]]: one whole login, as a person does it in a browser, each
# hop printed with its secrets masked.  Exits 0 only if the legacy application
# behind SITE then knew the right person, had a token that the sandbox accepts,
# and saw no cookie of the module.  CA is the file of the authorities to trust;
# HOST is at that address, whatever the name servers say.

use strict;
use warnings;

use JSON::PP qw(decode_json);
use VcitaBrowser;

my ($site, $sandbox, $ca, @hosts) = @ARGV;
die "usage: login.pl SITE SANDBOX [CA [HOST=ADDRESS:PORT ...]]\n" unless defined $sandbox;

my $email = 'alice@example.biz';
my $wanted = '/reports?year=2026';

$| = 1;

my %at = (ca => $ca, resolve => { map { split /=/, $_, 2 } @hosts });
my $browser = VcitaBrowser->new(base => $site, modern => 1, %at);
my $printed = 0;
my $failed = 0;

# a cookie of the application's own: it has to arrive there
$browser->set_cookie(theme => 'dark');

login();
check_application();

print $failed ? "\nThe login did NOT work.\n" : "\nThe login worked.\n";
exit($failed ? 1 : 0);


sub login {
    say_step("Someone opens $site$wanted");
    $browser->get($wanted);
    walk();

    while ($browser->res->status == 200 && $browser->url =~ m{^\Q$sandbox\E/}) {
        fill_in();
        walk();
    }

    say_step('Where that ended');
    check($browser->res->status == 200, 'the last answer is 200');
    check($browser->url eq "$site$wanted", "it is the page asked for: $wanted");
    check($browser->res->body =~ /\Q$email\E/, "the page greets $email");
}


# the sandbox's pages: who are you, and may this application see that
sub fill_in {
    if ($browser->res->body =~ /name="password"/) {
        say_step("vcita's login page: the person signs in as $email");
        $browser->post($browser->url,
                       [ email => $email, password => 'any will do' ]);

    } elsif ($browser->res->body =~ /name="answer" value="allow"/) {
        say_step("vcita's consent page: the person clicks Allow");
        $browser->post($browser->url, [ answer => 'allow' ]);

    } else {
        die "a page of the sandbox that this script does not know\n";
    }
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

    my $owner = owner($token);

    check($user ne '' && $user eq ($owner->{sub} // ''), "X-Forwarded-User: $user");
    check($told eq $email, "X-Forwarded-Email: $told");
    check(defined $token, 'Authorization: Bearer '
                          . VcitaBrowser::mask($token // '(none)'));
    check(($owner->{email} // '') eq $email, 'vcita says that this token is of '
                                             . ($owner->{email} // 'no one'));
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

    print $new;
    $printed = length $all;
}


sub say_step { print "\n$_[0]\n\n" }


sub check {
    my ($passed, $what) = @_;

    printf "  %-6s %s\n", $passed ? 'ok' : 'FAILED', $what;
    $failed ||= !$passed;
}

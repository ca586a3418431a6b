# VcitaCheck - what every answer of the callback is asked, in one call; and the configuration that the
# files about logins share.  For test files: `use VcitaTest; use VcitaCheck;`, in this order.
#
# A block without a `gate` or `config` section gets an empty gate and one gated location before the
# application; X-Error then shows $vcita_oauth_error of each answer.  In a flow:
#   answered($r, 303, '', 'a login', session => 1, sent => 'token userinfo');
# status, $vcita_oauth_error, Cache-Control and Referrer-Policy; whether the session and the login cookie
# were set (default: neither), and what vcita received since the last look (default: nothing).
package VcitaCheck;

use strict;
use warnings;

use Test::Builder ();
use Test::Nginx::Socket ();
use VcitaFlow ();

my $GATED = 'location / { vcita_oauth on; proxy_pass $VCITA_APP; }';
my $ERROR = 'add_header X-Error $vcita_oauth_error always;';

my $Seen = 0;


sub import {
    # registered after VcitaTest's, so it runs before that
    Test::Nginx::Socket::add_block_preprocessor(sub {
        my ($block) = @_;
        return if !defined $block->flow;
        $block->set_value(gate => '') if !defined $block->gate;
        $block->set_value(config => $GATED) if !defined $block->config;
        $block->set_value(http_config => "$ERROR\n" . ($block->http_config // ''));
    });

    no strict 'refs';
    *{"VcitaFlow::Code::$_"} = \&$_ for qw( answered sent_to_vcita begun callbacks id_token );
}


# paths that vcita got a request at since the last look, without the authorize page: "token userinfo"
sub sent_to_vcita {
    my @new = grep { $_->time > $Seen } VcitaFlow::stub()->requests;
    $Seen = $new[-1]->time if @new;
    return join ' ', map { m{^/oauth/(token|userinfo)$} ? $1 : () } map { $_->path } @new;
}


sub answered {
    my ($r, $status, $error, $name, %more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my %set = map { /^([^=]+)=([^;]*)/ ? ($1 => $2) : () } @{ $r->set_cookies };
    my $session = length($set{vcita_session} // '') ? 1 : 0;
    my $login = defined $set{vcita_session_login} ? 1 : 0;

    VcitaFlow::is($r->status, $status, "$name: status");
    VcitaFlow::is($r->header('X-Error') // '', $error, "$name: \$vcita_oauth_error");
    VcitaFlow::is(join(', ', $r->header('Cache-Control')), 'no-store', "$name: Cache-Control");
    VcitaFlow::is(join(', ', $r->header('Referrer-Policy')), 'no-referrer', "$name: Referrer-Policy");
    VcitaFlow::is($session, $more{session} // 0, "$name: a session, or none");
    VcitaFlow::is($login, $more{login} // ($session || $status == 302 ? 1 : 0),
        "$name: a login cookie, or none");
    VcitaFlow::is(sent_to_vcita(), $more{sent} // '', "$name: what vcita received");
}


# a browser that is on its way to vcita, from an address
sub begun {
    my ($url, %opt) = @_;
    my $b = VcitaFlow::browser(%opt);
    my $r = $b->get(VcitaFlow::url($url // '/'));
    die 'no login begins: ' . $r->status . "\n" if $r->status != 302;
    return $b;
}


# an instruction for the id_token of a browser's login: with its nonce, unless another is set or omitted
sub id_token {
    my ($b, %spec) = @_;
    my $asked = (grep { defined } map { scalar $_->param('nonce') } $b->answers)[-1];
    $spec{set} = { nonce => $asked, %{ $spec{set} || {} } } if defined $asked;
    return \%spec;
}


# the answers to many callbacks of one browser, all at once
sub callbacks {
    my ($b, @urls) = @_;
    my $crowd = VcitaFlow::crowd();
    $crowd->add($b->tab, GET => $_) for @urls;
    return $crowd->run;
}


1;

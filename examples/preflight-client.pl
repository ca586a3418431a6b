# preflight-client.pl: a part of preflight-conf.pl: what vcita is asked about a
# client, and values and claims that cannot be right.
# Needs no module that is not in Debian's perl-base, and openssl to sign.

use strict;
use warnings;

use IPC::Open2 ();

my $JWT      = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
my $MADE_UP  = 'preflight-has-no-code-and-never-asked-vcita';      # 43 characters
my $LIFE     = 60;                               # seconds of an assertion

# of the README, the examples and the sandbox
my $EXAMPLE_ID       = 'e0faca0a2bca52368adfd0ac6035c7a5';
my $EXAMPLE_BUSINESS = 'ed469f8764326a66';

# what vcita sends: always, in userinfo, in signed tokens
my %ID_TOKEN = map { $_ => 1 } qw( sub business_id iss aud azp exp iat nbf nonce at_hash jti auth_time );
my %USERINFO = map { $_ => 1 } qw( business_uid business_name directory_uid brand_host brand_theme
                                   email role type matters );
my %SIGNED   = map { $_ => 1 } qw( business_uid directory_uid sub sub_type actor_uid actor_type );
my %KNOWN    = (%ID_TOKEN, %USERINFO, %SIGNED);

my %asked;                                       # an assertion is another each time


# -- the two requests that tell of client_id, redirect_uri and secret

# The record "client", once for each application; false: it cannot be asked.
# Without an authorize endpoint, if its host is not known
sub client {
    my ($level, $authorize, $token, @how) = @_;
    my ($id, $uri) = (value($level, 'client_id'), sample_uri($level));

    return 0 if !defined $id || !defined $uri;
    return 1 if $asked{ join "\0", application($level), $authorize, $uri, scope($level) }++;

    my $pkce = value($level, 'pkce', 'on') eq 'on';
    my $json = value($level, 'token_format', 'form') eq 'json';
    my $scope = scope($level);
    my $safe = (loopback($token) && $how[2] eq '') || $token =~ /^https:/i && !$how[1];
    my ($proof, @proof) = $safe ? credential($level, $id, $token) : ();

    my @query = (response_type => 'code', client_id => $id, redirect_uri => $uri, scope => $scope, state => 'preflight');
    push @query, nonce => $MADE_UP if " $scope " =~ / openid /;
    push @query, code_challenge => $MADE_UP, code_challenge_method => 'S256' if $pkce;

    my @body = (grant_type => 'authorization_code', client_id => $id, @proof, code => $MADE_UP, redirect_uri => $uri);
    push @body, code_verifier => $MADE_UP if $pkce;

    my $args = value($level, 'authorize_args', '') =~ s/^[?&]+//r;

    found('client', $id, $uri, $scope, $pkce ? 'pkce' : '', $proof // '', $authorize =~ /\$/ ? '' : $authorize, form(@query) . ($args ne '' ? "&$args" : ''),
          $token, !@proof ? '' : $json ? json(@body) : form(@body), $json ? 'application/json' : '', @how);
    return 1;
}

sub scope { my ($level) = @_; my $say = $level->{say}{vcita_oauth_scope}; return $say ? join ' ', @{ $say->[0]{args} } : 'openid' }

# what it is called, and the parameters that prove it; none if it cannot be right
sub credential {
    my ($level, $id, $token) = @_;

    if (my $say = $level->{say}{vcita_oauth_client_assertion_key}) {
        my ($file, @args) = @{ $say->[0]{args} };
        my ($kid) = map { /^kid=(.*)/s } @args;
        my $jwt = assertion(full($file), $kid, $id, $token);

        return defined $jwt ? ('assertion key', client_assertion_type => $JWT, client_assertion => $jwt) : ();
    }

    my $secret = value($level, 'client_secret') // return;

    if ($secret =~ /^file:(.*)/s) {
        open my $in, '<:raw', full($1) or return;
        $secret = do { local $/; <$in> } // '';
        $secret =~ s/\r?\n\z//;
    }
    return weakness($secret, 16) ? () : ('client secret', client_secret => $secret);
}

sub form {
    my @pairs = @_;
    s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ge for @pairs;
    return join '&', map { "$pairs[ 2 * $_ ]=$pairs[ 2 * $_ + 1 ]" } 0 .. $#pairs / 2;
}

sub json {
    my @strings = @_;

    for (@strings) {
        utf8::decode($_);
        s/([^ !#-\[\]-~])/ord $1 < 0x10000 ? sprintf '\u%04x', ord $1
            : sprintf '\u%04x\u%04x', 0xd800 + (ord($1) - 0x10000 >> 10), 0xdc00 + (ord($1) & 0x3ff)/ge;
    }
    return '{' . join(',', map { "\"$strings[ 2 * $_ ]\":\"$strings[ 2 * $_ + 1 ]\"" } 0 .. $#strings / 2) . '}';
}


# -- RFC 7523, as the module does it

sub assertion {
    my ($file, $kid, $id, $audience) = @_;
    my $public = openssl('', 'pkey', '-in', $file, '-passin', 'pass:', '-pubout', '-outform', 'DER') // return undef;
    my $ec = length $public == 91;                # the size of any public key on P-256
    my $now = time;

    return undef if !$ec && length $public < 290; # RSA of less than 2048 bits, or neither

    open my $random, '<:raw', '/dev/urandom' or return undef;
    read $random, my $jti, 32;

    my $head = json(alg => $ec ? 'ES256' : 'RS256', typ => 'JWT', defined $kid ? (kid => $kid) : ());
    my $claims = json(iss => $id, sub => $id, aud => $audience, jti => base64url($jti))
                 =~ s/\}\z/sprintf ',"iat":%d,"exp":%d}', $now, $now + $LIFE/er;
    my $text = base64url($head) . '.' . base64url($claims);
    my $signature = openssl($text, 'dgst', '-sha256', '-passin', 'pass:', '-sign', $file) // return undef;

    $signature = raw($signature) // return undef if $ec;
    return "$text." . base64url($signature);
}

# openssl's output, undef if it fails; the key is read by openssl alone
sub openssl {
    my ($in, @args) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $pid = IPC::Open2::open2(my $from, my $to, 'sh', '-c', 'exec openssl "$@" 2>/dev/null', 'sh', @args);

    binmode $_ for $from, $to;
    print $to $in;
    close $to;
    my $said = do { local $/; <$from> };
    waitpid $pid, 0;

    return $? || !defined $said || $said eq '' ? undef : $said;
}

# a signature of P-256 in DER as the two numbers of 32 bytes (RFC 7518, 3.4)
sub raw {
    my ($der) = @_;
    my ($r, $s) = eval { unpack 'x2 xC/a xC/a', $der } or return undef;

    s/^\0+// for $r, $s;
    return undef if length $r > 32 || length $s > 32;
    return join '', map { "\0" x (32 - length) . $_ } $r, $s;
}

sub base64url {
    my ($bytes) = @_;
    my $bits = unpack 'B*', $bytes;
    my @digit = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');

    return join '', map { $digit[ oct '0b' . $_ . '0' x (6 - length) ] } $bits =~ /.{1,6}/g;
}


# -- values of the README that are no site's own

sub examples {
    my ($level) = @_;
    my $uri = value($level, 'redirect_uri', '');
    my ($id) = @{ $level->{say}{vcita_oauth_client_id} // [] };

    # in front of the sandbox they are right
    return if loopback(value($level, 'authorize_endpoint', ''));

    if ($id && $id->{args}[0] eq $EXAMPLE_ID) {
        found('wrong', "vcita_oauth_client_id at $id->{at} is the example's, which vcita does not know",
             'put the client_id of your own app there: register-app.sh prints it');
    }
    if ($uri =~ m{^https?://[^/:]*\bexample(?:\.(?:com|org|net))?(?:[:/]|\z)}i) {
        found('wrong', "vcita_oauth_redirect_uri $uri is the example's, no site has such a name",
             'put the name of your own site there, and register that address at vcita');
    }
    for my $d (@{ $level->{say}{vcita_oauth_require} // [] }) {
        my ($variable, @values) = @{ $d->{args} };

        found('wrong', "the rule at $d->{at} has the example's business, $EXAMPLE_BUSINESS",
              'put your own business_uid there: the error log of a refused sign-in shows it')
            if grep { $_ eq $EXAMPLE_BUSINESS } @values;
    }
}


# -- claims of rules and headers

sub claims {
    my ($http, @gated) = @_;
    my %maps;

    $maps{ $_->{args}[1] } = $_ for grep { @{ $_->{args} } == 2 } map { named($_->{has}, 'map') } @$http;

    for my $level (@gated) {
        for my $d (@{ $level->{say}{vcita_oauth_require} // [] }) {
            claim($level, 'wrong', "the rule at $d->{at}", 'is never met', $_) for claims_of($d->{args}[0], \%maps, 0);
        }
        for my $d (@{ $level->{say}{vcita_oauth_header} // [] }) {
            claim($level, 'warn', "vcita_oauth_header $d->{args}[0] at $d->{at}", 'is never sent', $_)
                for claims_of($d->{args}[1], \%maps, 0);
        }
    }
    misspelt($_) for map { @{ $_->{has} } } @$http;
}

# the claims that a text is made of, through each map
sub claims_of {
    my ($text, $maps, $depth) = @_;
    my @claims;

    for my $name ($text =~ /\$\{?(\w+)/g) {
        if ($name =~ /^vcita_oauth_claim_(.+)/) {
            push @claims, lc $1;
        } elsif (my $map = $depth < 8 && $maps->{"\$$name"}) {
            push @claims, map { claims_of($_, $maps, $depth + 1) } $map->{args}[0], map { @{ $_->{args} } } @{ $map->{has} };
        }
    }
    return @claims;
}

sub claim {
    my ($level, $kind, $what, $so, $name) = @_;
    my $top = $name =~ s/__.*//r;
    my $near = nearest($top);
    my $userinfo = value($level, 'userinfo', 'auto');
    my $openid = " @{[ scope($level) ]} " =~ / openid /;

    if (defined $near) {
        found($kind, "$what $so: vcita has no claim \"$top\"", "write \$vcita_oauth_claim_$near");

    } elsif ($USERINFO{$top} && ($userinfo eq 'off' || $userinfo eq 'auto' && $openid)
             && !($SIGNED{$top} && value($level, 'bearer', 'off') ne 'off'))
    {
        found($kind, "$what $so: the claim \"$top\" is in userinfo alone, which \"vcita_oauth_userinfo $userinfo\" does not ask",
             'say "vcita_oauth_userinfo on;"');
    }
}

# in any other directive: the variable is always empty
sub misspelt {
    my ($d) = @_;

    return if $d->{name} =~ /^vcita_oauth_(?:require|header)\z/;
    for my $name (map { lc } "$d->{name} @{ $d->{args} }" =~ /\$\{?vcita_oauth_claim_(\w+)/g) {
        my $near = nearest($name =~ s/__.*//r) // next;
        found('warn', "\$vcita_oauth_claim_$name at $d->{at} is always empty: vcita has no such claim", "write \$vcita_oauth_claim_$near");
    }
    misspelt($_) for @{ $d->{has} // [] };
}

# the claim that a name is a slip of; undef: it is one, or it is like none
sub nearest {
    my ($name) = @_;

    return undef if $KNOWN{$name};

    my ($best) = sort { $a->[0] <=> $b->[0] || $a->[1] cmp $b->[1] } map { [ distance($name, $_), $_ ] } grep { length > 3 } sort keys %KNOWN;
    return $best->[0] <= (length $name < 6 ? 1 : 2) ? $best->[1] : undef;
}

# of letters that are missing, more, others, or the other way round
sub distance {
    my ($one, $two) = @_;
    my (@s, @t) = split //, $one;
    @t = split //, $two;
    my @d = map { [ $_, (0) x @t ] } 0 .. @s;

    $d[0] = [ 0 .. @t ];
    for my $i (1 .. @s) {
        for my $j (1 .. @t) {
            my ($least) = sort { $a <=> $b } $d[ $i - 1 ][$j] + 1, $d[$i][ $j - 1 ] + 1,
                                             $d[ $i - 1 ][ $j - 1 ] + ($s[ $i - 1 ] ne $t[ $j - 1 ]);
            $least = $d[ $i - 2 ][ $j - 2 ] + 1
                if $i > 1 && $j > 1 && $s[ $i - 1 ] eq $t[ $j - 2 ] && $s[ $i - 2 ] eq $t[ $j - 1 ]
                   && $d[ $i - 2 ][ $j - 2 ] + 1 < $least;
            $d[$i][$j] = $least;
        }
    }
    return $d[-1][-1];
}

1;
